"""Readers of what a build wrote, which anybody may have changed since."""
