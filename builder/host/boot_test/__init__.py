"""Boots an ISO in a container, and checks whether its live system came up."""
