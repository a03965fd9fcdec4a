"""Checks whether an output folder is what its builder made."""
