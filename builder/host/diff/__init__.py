"""What lies between two systems: packages, sizes, files and settings, and how that is told."""
