"""Looks into archives that others made: piece by piece, within limits, and without unpacking."""
