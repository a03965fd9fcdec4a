"""Compressed blocks that are kept between builds, and what makes more of them fit."""
