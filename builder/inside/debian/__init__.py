"""What a Debian system says about itself, and whether it can become a live system."""
