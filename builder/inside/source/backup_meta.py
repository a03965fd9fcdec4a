"""Reads `.backup_meta` and the `.meta` files next to raw snapshots; nothing in them is executed.

They are shell text, `KEY="value"` without escapes, and may be written by an ordinary user. Three
keys are read, DATE, DISTRO and SIZE, with the prefix META_ or SNAP_. The fourth, KERNEL, names the
running kernel, which may not be in the tree, so it is ignored. TREE is only in ours.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.printable import clean
from builder.basics.regular import read_start
from builder.border.cache_report import Problem

LIMIT: Final = 64 * 1024  # bytes; the real ones hold about 150
_KEYS: Final = ("DATE", "DISTRO", "SIZE")
_OURS: Final = "TREE"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupMeta:
    """The metadata as text; "" for missing keys."""

    date: str = ""  # local time of the backup, without a zone
    distro: str = ""
    size: str = ""  # as `du -sh` wrote it, e.g. "8.2G" or "8,2G"
    tree: str = ""  # the fingerprint that our backup recorded of a cache without snapshots
    warnings: tuple[Problem, ...] = ()


def read_meta(path: Path, *, prefix: str) -> BackupMeta:
    """Read the regular file `path`, whose keys start with `prefix`. Raises OSError."""
    content, whole = read_start(path, limit=LIMIT)
    values = _values(content, prefix=prefix)
    warnings = _warnings(path.name, values, whole=whole)
    return BackupMeta(
        date=values.get("DATE", ""),
        distro=values.get("DISTRO", ""),
        size=values.get("SIZE", ""),
        tree=values.get(_OURS, ""),
        warnings=warnings,
    )


def _values(content: bytes, *, prefix: str) -> dict[str, str]:
    values = {}
    for line in content.decode("utf-8-sig", errors="replace").split("\n"):
        key, equals, value = line.strip().partition("=")
        name = key.removeprefix(prefix)
        if equals and key.startswith(prefix) and name in (*_KEYS, _OURS):
            values[name] = clean(_unquoted(value.strip()))
    return values


def _unquoted(value: str) -> str:
    quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value


def _warnings(name: str, values: dict[str, str], *, whole: bool) -> tuple[Problem, ...]:
    warnings = []
    if not whole:
        warnings.append(
            Problem(
                message="{name} is larger than {limit} bytes; the rest was ignored",
                hint="Make a new backup, which rewrites it.",
                values=(("name", name), ("limit", str(LIMIT))),
            )
        )
    if missing := [key for key in _KEYS if not values.get(key)]:
        warnings.append(
            Problem(
                message="{name} has no {missing}",
                hint="Make a new backup, which rewrites it.",
                values=(("name", name), ("missing", ", ".join(missing))),
            )
        )
    return tuple(warnings)
