"""Makes a cache of a system from the host's side: plans a backup, and what is kept of old ones."""
