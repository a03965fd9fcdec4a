"""The records of a tree and its digest: docs/tree-digest.md is the definition."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from typing import IO, Final, NamedTuple

from builder.formats.inventory import Entry, EntryType

TREE_FORMAT: Final = 1
_FIELDS: Final = 10
_PIECE: Final = 1 << 20  # bytes
_UNDATED: Final = b"/"  # the time of the top is not part of a tree


class Record(NamedTuple):
    """The ten fields of docs/tree-digest.md for one path, as they go into the digest."""

    path: bytes
    kind: bytes
    mode: bytes
    uid: bytes
    gid: bytes
    mtime: bytes
    size: bytes
    value: bytes
    capability: bytes
    first: bytes

    @property
    def line(self) -> bytes:
        """The record as it goes into the digest."""
        return b"\0".join(self) + b"\0"


def record_of(entry: Entry) -> Record:
    """Return the record of an entry in an inventory."""
    path = os.fsencode(entry.path)
    return Record(
        path,
        entry.type.value.encode("ascii"),
        b"%04o" % entry.mode,
        b"%d" % entry.uid,
        b"%d" % entry.gid,
        b"0" if path == _UNDATED else b"%d" % entry.mtime,
        b"%d" % entry.size if entry.type is EntryType.FILE else b"",
        os.fsencode(entry.value),
        entry.capability.encode("ascii"),
        os.fsencode(entry.first),
    )


def as_texts(record: Record) -> tuple[str, ...]:
    """Return the fields as text; a byte that is not UTF-8 is a lone surrogate (PEP 383)."""
    return tuple(os.fsdecode(each) for each in record)


def from_texts(fields: Iterable[str]) -> Record:
    """Return the record that `as_texts` made. Raises ValueError for anything else."""
    found = [os.fsencode(each) for each in fields]
    if len(found) != _FIELDS or any(b"\0" in each for each in found):
        message = f"a record has {_FIELDS} fields without NUL"
        raise ValueError(message)
    return Record(*found)


def read_records(file: IO[bytes]) -> Iterator[Record]:
    """Yield the records of a file that holds their lines, and nothing else."""
    rest: list[bytes] = []
    pending = b""
    while piece := file.read(_PIECE):
        *fields, pending = (pending + piece).split(b"\0")
        rest += fields
        whole = len(rest) // _FIELDS * _FIELDS
        for start in range(0, whole, _FIELDS):
            yield Record(*rest[start : start + _FIELDS])
        del rest[:whole]


def tree_digest(records: Iterable[Record]) -> str:
    """Return the digest of a tree: "sha256:" and 64 hexadecimal digits.

    The records are those of the whole tree, sorted by path.
    """
    total = hashlib.sha256(b"distroclone-tree %d\0" % TREE_FORMAT)
    for record in records:
        total.update(record.line)
    return f"sha256:{total.hexdigest()}"
