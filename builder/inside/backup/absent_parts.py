"""Parts of a system that are named in its fstab and not mounted: they are copied as empty folders.

Format: fstab(5), systemd.mount(5) for "nofail".
"""

import os
import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.errors import SourceError
from builder.basics.printable import clean
from builder.border.backups import DISKS
from builder.inside.system.system import System
from builder.inside.tree.filter_rules import FilterRules
from builder.inside.tree.tree import Tree

_FSTAB: Final = "/etc/fstab"
_LONGEST: Final = 256 << 10  # bytes
_ESCAPE: Final = re.compile(r"\\([0-3][0-7]{2})")
_OPTIONAL: Final = frozenset({"noauto", "nofail"})
_BINDS: Final = frozenset({"bind", "rbind"})
_MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One file system on a disk that belongs to the system, by its fstab."""

    path: str  # "/boot"
    optional: bool  # the system starts without it


def check_parts(
    source: Path, rootfs: Path, *, mounted: Sequence[str], filters: Sequence[str], system: System
) -> None:
    """See to it that no part of the system is lost without a word.

    `mounted` are the places in the system where something is mounted, e.g. "boot". Raises
    SourceError where a part is missing that the system always has, or that the last backup had.
    """
    missing = absent_parts(Tree(source), mounted=mounted, filters=filters)
    last = Tree(rootfs)
    lost = [each.path for each in missing if not each.optional or last.listdir(each.path)]
    if lost:
        raise SourceError(
            "Not mounted, although the system's fstab names them: {paths}; their copies would be "
            "empty",
            hint="Mount them (`mount {word}`), then run the backup again. What shall not be "
            "backed up is left out with --exclude {word}.",
            paths=", ".join(map(clean, lost[:_MOST_NAMED])),
            word=shlex.quote(clean(lost[0])),
        )
    if missing:
        system.note(
            "Not in the backup, since they are not mounted: {paths}; the system's fstab names them",
            warning=True,
            paths=", ".join(clean(each.path) for each in missing[:_MOST_NAMED]),
        )


def absent_parts(tree: Tree, *, mounted: Sequence[str], filters: Sequence[str]) -> tuple[Part, ...]:
    """Return the parts that are not mounted and not left out either."""
    rules, there = FilterRules(filters), {f"/{each}" for each in mounted}
    return tuple(
        each for each in _parts(tree) if each.path not in there and _is_wanted(each.path, rules)
    )


def _parts(tree: Tree) -> Iterator[Part]:
    try:
        text = tree.read_bytes(_FSTAB, limit=_LONGEST).decode("utf-8", "surrogateescape")
    except OSError:
        return
    for line in text.split("\n"):
        fields = line.split()
        if len(fields) < 3 or line.lstrip().startswith("#"):
            continue
        path = posixpath.normpath(_ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields[1]))
        options = frozenset(fields[3].split(",")) if len(fields) > 3 else frozenset[str]()
        below = path.startswith("/") and path != "/"
        if below and _is_of_system(fields[2], path) and not options & _BINDS:
            yield Part(path=path, optional=bool(options & _OPTIONAL))


def _is_of_system(kind: str, path: str) -> bool:
    """Whether a backup takes that kind of file system at that place."""
    return kind in DISKS or kind == "auto" or (kind == "vfat" and path.startswith("/boot"))


def _is_wanted(path: str, rules: FilterRules) -> bool:
    """Whether a backup takes what is in the folder `path`."""
    inside = os.fsencode(path) + b"/x"
    above = [inside[:end] for end, sign in enumerate(inside) if sign == ord("/") and end]
    return rules.copies(inside, directory=False) and all(
        rules.copies(each, directory=True) for each in above
    )
