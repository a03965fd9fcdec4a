"""The differences between two systems: packages, sizes, files and settings, and their report."""
