"""The block cache as the engine keeps it."""
