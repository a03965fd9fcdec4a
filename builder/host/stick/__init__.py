"""Writes an ISO to a USB stick, with a partition for persistence behind it, and reads it back."""
