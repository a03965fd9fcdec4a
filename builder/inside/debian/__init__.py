"""What a Debian system says of itself, and whether it can become a live one."""
