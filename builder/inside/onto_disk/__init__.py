"""Puts a whole system from a snapshot onto a disk, and makes it start from there."""
