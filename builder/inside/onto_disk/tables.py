"""fstab and crypttab of a system that comes to another disk: pure functions, text in, text out.

Formats: fstab(5), crypttab(5), systemd.mount(5) for "nofail".
"""

import posixpath
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from builder.border.whole_systems import Part

OFF: Final = "# Switched off when the system was restored: "
_HEAD: Final = "# Written when the system was restored; the table from before is {name}.\n"
_ESCAPE: Final = re.compile(r"\\([0-3][0-7]{2})")
_ON_A_DISK: Final = re.compile(r"/dev/|(?:PART)?(?:UUID|LABEL)=")
_DEFAULTS: Final = {"ext4": "errors=remount-ro", "vfat": "umask=0077"}
# Of a system that starts from another disk, these would be of the old one.
_OF_STARTING: Final = ("/", "/boot", "/boot/efi", "/efi")
_NO_CHECK: Final = ("btrfs", "xfs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A new table, and what about it people have to know."""

    text: str
    switched_off: tuple[str, ...]  # lines
    optional: tuple[str, ...] = ()  # places without which the system starts, too


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One line of fstab."""

    source: str
    place: str
    kind: str
    options: tuple[str, ...]
    rest: tuple[str, ...]

    @property
    def text(self) -> str:
        words = (self.source, _escaped(self.place), self.kind, ",".join(self.options), *self.rest)
        return f"{'  '.join(words)}\n"


def new_fstab(
    old: str,
    parts: Sequence[Part],
    uuids: Sequence[str],
    *,
    has_content: Callable[[str], bool],
    kept_as: str,
) -> Table:
    """Return the table for a system on these parts.

    Lines of its own file systems are replaced, and keep their options where the kind is the same.
    What was on other disks becomes optional, and is switched off where the restored system has
    the content itself (`has_content`, of a place) or where it is swap. All else stays as it is.
    """
    lines = [_parsed(line) for line in old.split("\n")]
    known = {each.place: each for each in lines if isinstance(each, _Line)}
    places = {each.place for each in parts}
    new = [_HEAD.format(name=kept_as)]
    new += [
        _of_part(part, uuid, known.get(part.place)).text
        for part, uuid in zip(parts, uuids, strict=True)
    ]
    off, optional = list[str](), list[str]()
    for line in lines:
        if isinstance(line, str):
            new += [f"{line}\n"] if line.startswith("#") else []
        elif line.place in places and line.kind != "swap":
            continue
        elif not _is_of_a_disk(line):
            new.append(line.text)
        elif line.kind == "swap" or line.place in _OF_STARTING or has_content(line.place):
            new.append(f"{OFF}{line.text}")
            off.append(line.text.strip())
        else:
            options = dict.fromkeys((*line.options, "nofail"))
            new.append(_replaced(line, tuple(options)).text)
            optional.append(line.place)
    return Table(text="".join(new), switched_off=tuple(off), optional=tuple(optional))


def new_crypttab(old: str) -> Table:
    """Return the table for a system on disks that are not encrypted: nothing is unlocked."""
    new, off = list[str](), list[str]()
    for line in old.split("\n"):
        if not line.strip() or line.lstrip().startswith("#"):
            new += [f"{line}\n"] if line else []
        else:
            new.append(f"{OFF}{line}\n")
            off.append(line.strip())
    return Table(text="".join(new), switched_off=tuple(off))


def _of_part(part: Part, uuid: str, old: _Line | None) -> _Line:
    same = old is not None and old.kind == part.kind
    options = old.options if old is not None and same else (_DEFAULTS.get(part.kind, "defaults"),)
    if part.kind == "btrfs":
        kept = [each for each in options if not each.startswith(("subvol=", "subvolid="))]
        options = (*kept, *((f"subvol={part.subvolume}",) if part.subvolume else ()))
    number = "1" if part.place == "/" else "2"
    return _Line(
        source=f"UUID={uuid}",
        place=part.place,
        kind=part.kind,
        options=options,
        rest=("0", "0" if part.kind in _NO_CHECK else number),
    )


def _parsed(line: str) -> _Line | str:
    """Return the fields of a line; the line itself where it has none."""
    fields = line.split()
    if len(fields) < 3 or line.lstrip().startswith("#"):
        return line.strip()
    place = posixpath.normpath(_ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields[1]))
    options = tuple(fields[3].split(",")) if len(fields) > 3 else ("defaults",)
    return _Line(
        source=fields[0], place=place, kind=fields[2], options=options, rest=tuple(fields[4:6])
    )


def _replaced(line: _Line, options: tuple[str, ...]) -> _Line:
    return _Line(
        source=line.source, place=line.place, kind=line.kind, options=options, rest=line.rest
    )


def _is_of_a_disk(line: _Line) -> bool:
    """Whether a line is about a disk, or about swap, also in a file, which no backup has."""
    return line.kind == "swap" or _ON_A_DISK.match(line.source) is not None


def _escaped(place: str) -> str:
    """Return a place as fstab has it: blanks and backslashes by their numbers."""
    return "".join(f"\\{ord(sign):03o}" if sign in " \t\\" else sign for sign in place)
