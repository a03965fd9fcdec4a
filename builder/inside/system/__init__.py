"""The one door to processes and mounts, and to the bytes of large files."""
