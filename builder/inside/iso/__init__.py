"""Reads a finished ISO, which is untrusted and may be damaged."""
