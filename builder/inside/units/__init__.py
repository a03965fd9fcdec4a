"""Takes services, mounts and timers out of the copy that could not work there."""
