"""The output folder, and how results get into it."""
