"""Rebuilds what a manifest describes, and says what differs."""
