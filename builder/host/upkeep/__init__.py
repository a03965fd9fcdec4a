"""Checks what this machine can do, and removes what crashed runs left on it."""
