"""Patterns that mean one path, and not what its letters would mean to rsync."""

import re


def literal(path: str) -> str:
    """Return the rsync pattern that matches only `path`.

    rsync takes a backslash literally in a pattern without wildcards, and as an escape in others.
    """
    return _escaped(path) if re.search(r"[*?\[]", path) else path


def below(path: str) -> str:
    """Return the rsync pattern that matches everything below `path`."""
    return f"{_escaped(path)}/**"


def _escaped(path: str) -> str:
    return re.sub(r"([\\*?\[])", r"\\\1", path)
