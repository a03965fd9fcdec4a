"""Text and times that somebody else wrote: made harmless before anybody shows them."""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Final

_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}(:[0-9]{2})?")
# Control and format characters (terminal codes, bidi overrides), lone surrogates, line separators.
_UNWANTED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def clean(text: str, *, limit: int = 200) -> str:
    """Return `text` in one line without control characters, at most `limit` characters long."""
    start = text[: 4 * limit]
    kept = "".join(sign for sign in start if unicodedata.category(sign) not in _UNWANTED)
    return kept.strip()[:limit]


def utc_seconds(text: str) -> int | None:
    """Read "YYYY-MM-DD HH:MM[:SS]" as UTC, in seconds since 1970; None for anything else.

    The backup's metadata and raw names hold local time without a zone. Reading them as UTC gives
    every machine the same number, which decides the dates in the ISO.
    """
    if _TIME.fullmatch(text) is None:
        return None
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None
    seconds = int(moment.timestamp())
    return seconds if seconds >= 0 else None
