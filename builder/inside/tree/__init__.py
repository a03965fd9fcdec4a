"""A root filesystem that is not ours: its door, what of it is taken, and its name."""
