"""Makes a cache, and keeps it: a copy of a system, snapshots of it, and their deletion."""
