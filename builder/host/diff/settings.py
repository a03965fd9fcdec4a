"""What a manifest says that is worth comparing: settings, tools, image, and what a build changed.

It has passed `manifest_reader`, so it is strict JSON with our keys; below them anything may be.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from builder.basics.errors import BuilderError, VerificationError
from builder.basics.printable import short
from builder.host.config import checks as rules
from builder.host.diff.model import SettingChange

_COMPARED: Final = ("builder", "image", "recipe", "snapshot", "source", "tools", "volume_id")
_TIME: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2}):[0-9]{2}Z")
_DEEPEST: Final = 4
_LONGEST: Final = 200  # characters
_MOST: Final = 2000  # values of one manifest; ours has about 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a manifest says of its ISO."""

    values: Mapping[str, str]  # "recipe.compression.level": "9"
    system: str
    taken: str
    kernels: tuple[str, ...]
    exclude: tuple[str, ...]  # rsync patterns of the build's own config
    rules: Mapping[str, str]  # by path, what changed it in the build


def describe(manifest: Mapping[str, Any]) -> Described:
    """Return what it says. Raises VerificationError for patterns that no config can hold."""
    recipe, system = _mapping(manifest.get("recipe")), _mapping(manifest.get("system"))
    compared = {name: manifest.get(name) for name in _COMPARED}
    return Described(
        values=dict(islice(_flat(compared), _MOST)),
        system=_text(system.get("pretty_name")),
        taken=_taken(_mapping(manifest.get("snapshot")).get("taken")),
        kernels=tuple(_text(each) for each in _list(system.get("kernels"))),
        exclude=tuple(_pattern(each) for each in _list(recipe.get("exclude"))),
        rules={
            row["path"]: _text(row.get("rule"))
            for row in map(_mapping, _list(manifest.get("changes")))
            if isinstance(row.get("path"), str)
        },
    )


def compare_settings(
    before: Mapping[str, str], after: Mapping[str, str]
) -> tuple[SettingChange, ...]:
    """Return what is not the same, sorted by name."""
    return tuple(
        SettingChange(name=name, before=before.get(name, ""), after=after.get(name, ""))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )


def _flat(value: object, place: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield every value with the keys that lead to it; a list is one value."""
    if isinstance(value, dict) and depth < _DEEPEST:
        for name, inner in value.items():
            yield from _flat(inner, f"{place}.{short(name)}" if place else short(name), depth + 1)
    elif value is not None:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield place, short(text, longest=_LONGEST)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return short(value) if isinstance(value, str) else ""


def _taken(value: object) -> str:
    """Return "2026-06-17 14:29 UTC" for the manifest's "2026-06-17T14:29:21Z"."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    return f"{found[1]} {found[2]} UTC" if found else ""


def _pattern(value: object) -> str:
    try:
        return rules.exclude(value if isinstance(value, str) else "")
    except BuilderError as error:
        raise VerificationError(
            "The manifest's recipe is none that a config can give: {reason}", reason=error
        ) from error
