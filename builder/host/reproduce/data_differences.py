"""Where two JSON values differ, each place by its path: `packages[3].version`."""

import json
from typing import Any, Final

from builder.basics.printable import short
from builder.border.differences import PRESENCE, Difference, Explanation, explained

_DEEPEST: Final = 50  # levels; what lies deeper is compared as a whole
_KEYS: Final = ("path", "name")  # by which the rows of a list are known


def data_differences(original: Any, rebuilt: Any) -> Explanation:
    """Return what differs, in the order of the keys."""
    found: list[Difference] = []
    _compare(original, rebuilt, "", found, depth=0)
    return explained(found)


def _compare(
    original: Any, rebuilt: Any, place: str, found: list[Difference], *, depth: int
) -> None:
    before, after = _table(original), _table(rebuilt)
    same_type = type(original) is type(rebuilt)
    if before is None or after is None or depth == _DEEPEST or not same_type:
        if original != rebuilt or not same_type:
            found.append(_value(place, original, rebuilt))
        return
    for key in [*before, *(key for key in after if key not in before)]:
        inner = f"{place}{key}" if isinstance(original, list) else f"{place}.{key}".lstrip(".")
        if key in before and key in after:
            _compare(before[key], after[key], inner, found, depth=depth + 1)
        else:
            found.append(_presence(inner, there=key in before))


def _table(data: Any) -> dict[str, Any] | None:
    """Return the parts of a list or an object by what they are known by; None for a single value.

    A row of a list is known by its path or name if all rows are, and only once each.
    """
    if isinstance(data, dict):
        return {short(str(key)): value for key, value in data.items()}
    if not isinstance(data, list):
        return None
    for key in _KEYS:
        names = [row.get(key) if isinstance(row, dict) else None for row in data]
        if all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
            return {f"[{short(str(name))}]": row for name, row in zip(names, data, strict=True)}
    return {f"[{index}]": value for index, value in enumerate(data)}


def _value(place: str, original: Any, rebuilt: Any) -> Difference:
    return Difference(
        place=(place,) if place else (),
        attribute="value",
        original=_text(original),
        rebuilt=_text(rebuilt),
    )


def _presence(place: str, *, there: bool) -> Difference:
    return Difference(
        place=(place,),
        attribute=PRESENCE,
        original="yes" if there else "no",
        rebuilt="no" if there else "yes",
    )


def _text(data: Any) -> str:
    return short(data if isinstance(data, str) else json.dumps(data, ensure_ascii=False))
