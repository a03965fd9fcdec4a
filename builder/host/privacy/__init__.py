"""Shows what of a system would leave the house in an ISO, without building one."""
