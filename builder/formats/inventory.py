"""What a tree holds: one value for each name, written in a container and read on the host.

An inventory is text, one JSON value a line, in ASCII: an object with the format; an object for
each installed package; a list for each entry, in the order of the paths' bytes; an object with
the number of entries, without which an inventory is cut off. A list has the fields of a record in
docs/tree-digest.md, then the text of the entry where it is carried. Bytes that are not UTF-8 are
lone surrogates (PEP 383), as Python has them in every path.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

INVENTORY_FORMAT: Final = 1
TEXTS_BELOW: Final = "/etc/"  # of the files here the text is carried, where anybody may read it
LONGEST_TEXT: Final = 64 << 10  # bytes; of a longer one nothing is carried

_KINDS: Final = (str, str, int, int, int, int, int, str, str, str)


class EntryType(StrEnum):
    """What an entry is; the letters are those of docs/tree-digest.md."""

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
    size: int  # bytes; 0 for what is no file
    value: str  # a file's sha256, a link's target, a device's "major:minor"; "" for the others
    capability: str = ""  # security.capability, hexadecimal
    first: str = ""  # the first path of the same hard link; "" for that path itself
    text: str | None = None  # what the file says, where that is carried

    @property
    def sha256(self) -> str:
        """The digest of a file's content; "" for anything else."""
        return self.value if self.type is EntryType.FILE else ""

    @property
    def target(self) -> str:
        """Where a link leads, as it is written; "" for anything else."""
        return self.value if self.type is EntryType.LINK else ""

    @property
    def device(self) -> str:
        """The numbers of a device, "major:minor"; "" for anything else."""
        return self.value if self.type in (EntryType.CHARACTER, EntryType.BLOCK) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledPackage:
    """One package that is installed in the tree."""

    name: str
    architecture: str
    version: str
    installed_size: int  # bytes, as the package itself says; 0 when it does not


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
    """Yield the rows back. Raises ValueError for what is no whole inventory, naming the line."""
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
