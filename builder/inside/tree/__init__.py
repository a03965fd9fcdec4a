"""A foreign root filesystem: safe access, what is taken from it, and its identity."""
