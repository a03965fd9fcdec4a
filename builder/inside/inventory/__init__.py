"""Lists the contents of a tree or a squashfs, for comparison."""
