"""The known word that somebody may have meant, for "did you mean"."""

import difflib
from collections.abc import Iterable
from typing import Final

_LONGEST: Final = 80  # comparing longer words is slow, and they are no typing mistakes


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the word of `known` that is closest to `word`, or "" when none is close."""
    close = difflib.get_close_matches(word[:_LONGEST].lower(), list(known), n=1)
    return close[0] if close else ""
