"""Puts a whole system from a snapshot onto a disk, or back into its place, so that it starts."""
