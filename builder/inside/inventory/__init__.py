"""What a tree or a squashfs holds, listed for whoever compares."""
