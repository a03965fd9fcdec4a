"""Reads JSON that anyone may have written: strictly RFC 8259, or an error."""

import json
from collections import Counter
from typing import Any

from builder.basics.errors import VerificationError
from builder.basics.printable import short


def strict_json(content: bytes, *, name: str) -> Any:
    """Return what `content` says. Raises VerificationError, which calls it `name`."""
    try:
        return json.loads(
            content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant
        )
    except RecursionError as error:
        raise VerificationError("{name} is nested too deeply", name=name) from error
    except ValueError as error:  # no UTF-8, no JSON, a number of thousands of digits
        raise VerificationError(
            "{name} is not JSON (cut off or edited?): {reason}",
            name=name,
            reason=short(str(error)),
        ) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        (twice, _count) = Counter(name for name, _value in pairs).most_common(1)[0]
        message = f"the key {twice[:80]!r} comes twice"
        raise ValueError(message)
    return data


def _no_constant(name: str) -> None:
    message = f"{name} is no JSON number"
    raise ValueError(message)
