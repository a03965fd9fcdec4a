"""The contents of a tree, one entry per path, written in a container and read on the host.

An inventory is ASCII text with one JSON value per line: an object with the format; an object for
each installed package; a list for each entry, sorted by the bytes of the paths; an object with the
number of entries, without which the inventory is truncated. A list has the fields of a record in
docs/tree-digest.md, then the text of the file if it is included. Bytes that are not UTF-8 become
lone surrogates (PEP 383), as in Python's own paths.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

INVENTORY_FORMAT: Final = 1
TEXTS_BELOW: Final = "/etc/"  # the text of world-readable files here is included
LONGEST_TEXT: Final = 64 << 10  # bytes; the text of larger files is not included

_KINDS: Final = (str, str, int, int, int, int, int, str, str, str)


class EntryType(StrEnum):
    """The type of an entry; the letters are those of docs/tree-digest.md."""

    DIRECTORY = "d"
    FILE = "f"
    LINK = "l"
    FIFO = "p"
    SOCKET = "s"
    CHARACTER = "c"
    BLOCK = "b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One name in a tree; docs/tree-digest.md says what the fields mean."""

    path: str  # "/etc/passwd"
    type: EntryType
    mode: int  # the twelve bits 0o7777
    uid: int
    gid: int
    mtime: int  # whole seconds since 1970
    size: int  # bytes; 0 for anything but a file
    value: str  # a file's sha256, a link's target, a device's "major:minor"; "" for the others
    capability: str = ""  # security.capability, hexadecimal
    first: str = ""  # the first path of the same hard link; "" for that path itself
    text: str | None = None  # the file's text, if included

    @property
    def sha256(self) -> str:
        """The digest of a file's content; "" for anything else."""
        return self.value if self.type is EntryType.FILE else ""

    @property
    def target(self) -> str:
        """The literal target of a link; "" for anything else."""
        return self.value if self.type is EntryType.LINK else ""

    @property
    def device(self) -> str:
        """The device number, "major:minor"; "" for anything else."""
        return self.value if self.type in (EntryType.CHARACTER, EntryType.BLOCK) else ""

    @property
    def is_whiteout(self) -> bool:
        """Whether it hides, in a layer of overlayfs, what the layer below has at its path."""
        return self.type is EntryType.CHARACTER and self.value == "0:0"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledPackage:
    """One package that is installed in the tree."""

    name: str
    architecture: str
    version: str
    installed_size: int  # bytes, according to the package; 0 when unknown


Row = InstalledPackage | Entry


def encode_rows(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of an inventory, line ends included; `rows` are packages, then entries."""
    yield _line({"format": INVENTORY_FORMAT})
    count = 0
    for row in rows:
        if isinstance(row, InstalledPackage):
            fields = [row.name, row.architecture, row.version, row.installed_size]
            yield _line({"package": fields})
            continue
        count += 1
        yield _line(_fields(row))
    yield _line({"entries": count})


def decode_rows(lines: Iterable[str]) -> Iterator[Row]:
    """Parse the rows. Raises ValueError, with the line, for an invalid or truncated inventory."""
    count, ended = 0, False
    for number, line in enumerate(lines, start=1):
        try:
            data = json.loads(line)
            if ended or (number == 1) != (data == {"format": INVENTORY_FORMAT}):
                raise ValueError(line[:200])
            if isinstance(data, list):
                count += 1
                yield _entry(data)
            elif "package" in data:
                yield _package(data["package"])
            elif number > 1:
                ended = data == {"entries": count}
                if not ended:
                    raise ValueError(line[:200])
        except (ValueError, TypeError, RecursionError) as error:
            message = f"invalid line {number} of the inventory: {error}"
            raise ValueError(message) from error
    if not ended:
        message = f"the inventory is truncated after {count} entries"
        raise ValueError(message)


def _line(data: object) -> str:
    return json.dumps(data, ensure_ascii=True, separators=(",", ":")) + "\n"


def _fields(entry: Entry) -> list[object]:
    fields: list[object] = [
        entry.path,
        entry.type.value,
        entry.mode,
        entry.uid,
        entry.gid,
        entry.mtime,
        entry.size,
        entry.value,
        entry.capability,
        entry.first,
    ]
    return fields if entry.text is None else [*fields, entry.text]


def _entry(fields: list[Any]) -> Entry:
    *known, text = fields if len(fields) > len(_KINDS) else (*fields, None)
    if [type(value) for value in known] != list(_KINDS) or not isinstance(text, str | None):
        message = f"unexpected fields of an entry: {str(fields)[:200]}"
        raise ValueError(message)
    path, kind, mode, uid, gid, mtime, size, value, capability, first = known
    return Entry(
        path=path,
        type=EntryType(kind),
        mode=mode,
        uid=uid,
        gid=gid,
        mtime=mtime,
        size=size,
        value=value,
        capability=capability,
        first=first,
        text=text,
    )


def _package(fields: Any) -> InstalledPackage:
    match fields:
        case [str(name), str(architecture), str(version), int(size)]:
            return InstalledPackage(
                name=name, architecture=architecture, version=version, installed_size=size
            )
        case _:
            message = f"unexpected fields of a package: {str(fields)[:200]}"
            raise ValueError(message)
