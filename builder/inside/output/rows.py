"""Lists that one step leaves in a file for others."""

import json
from pathlib import Path
from typing import TypeVar

from builder.basics.codec import read_data

Row = TypeVar("Row")


def read_rows(kind: type[Row], file: Path) -> tuple[Row, ...]:
    """Return the rows that a step left, as far as they are asked for; none without that step."""
    if not file.exists():
        return ()
    rows = json.loads(file.read_text(encoding="utf-8"))
    return tuple(read_data(kind, row).value for row in rows)
