"""Queries the kernel about files and mounts."""
