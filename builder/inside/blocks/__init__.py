"""Compressed blocks that are cached between builds, and what makes more of them reusable."""
