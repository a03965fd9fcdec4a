"""The only access to processes and mounts, and digests of large files."""
