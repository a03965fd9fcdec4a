"""Times that the backup wrote without a time zone."""

import re
from datetime import UTC, datetime
from typing import Final

_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}(:[0-9]{2})?")


def utc_seconds(text: str) -> int | None:
    """Read "YYYY-MM-DD HH:MM[:SS]" as UTC, in seconds since 1970; None for anything else.

    The backup's metadata and raw snapshot names contain local time without a zone. Reading it as
    UTC gives the same number on every machine, which determines the dates in the ISO.
    """
    if _TIME.fullmatch(text) is None:
        return None
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None
    seconds = int(moment.timestamp())
    return seconds if seconds >= 0 else None
