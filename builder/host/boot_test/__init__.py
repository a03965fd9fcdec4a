"""Boots an ISO in a container, and judges whether its live system came up."""
