"""The output folder, and how results get there."""
