"""Start paths: the demo's ISO under every firmware, from everything that it may lie on.

What is in `tests/starts/inside/` runs in containers.
"""
