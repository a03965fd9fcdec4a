"""Whether a file is on an ISO, by its own tables: nothing is mounted or unpacked.

Sources: ECMA-119, 8.4.18 and 9.1 (directory records); IEEE P1282, 4.1.4 (the names of Rock Ridge).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from builder.host.results.iso_volume import BLOCK, DESCRIPTOR

_ROOT: Final = 156  # where the descriptor has the record of the top folder
_FIXED: Final = 33  # bytes of a record before its name
_FOLDER: Final = 2  # a flag of records
_LARGEST: Final = 1 << 20  # bytes of a folder; ours have one block


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    name: str
    block: int
    size: int  # bytes
    is_folder: bool


def has_file(stream: BinaryIO, path: str) -> bool:
    """Whether an ISO has a file at `path`, e.g. "live/filesystem.squashfs", and it is not empty.

    An ISO that cannot be read there has none.
    """
    stream.seek(DESCRIPTOR + _ROOT)
    at = _entry(stream.read(BLOCK)[: _FIXED + 1])
    for name in path.split("/"):
        if at is None or not at.is_folder:
            return False
        at = next((each for each in _entries(stream, at) if each.name == name), None)
    return at is not None and not at.is_folder and at.size > 0


def _entries(stream: BinaryIO, folder: _Entry) -> Iterator[_Entry]:
    """Yield what is in a folder; no record goes beyond its block."""
    stream.seek(folder.block * BLOCK)
    content = stream.read(min(folder.size, _LARGEST))
    for start in range(0, len(content), BLOCK):
        block = content[start : start + BLOCK]
        while block and block[0]:
            found = _entry(block[: block[0]])
            if found is not None:
                yield found
            block = block[block[0] :]


def _entry(record: bytes) -> _Entry | None:
    if len(record) <= _FIXED:
        return None
    block, size = struct.unpack_from("<I", record, 2)[0], struct.unpack_from("<I", record, 10)[0]
    length = record[_FIXED - 1]
    # The name is filled up to an even number of bytes with its length.
    more = record[_FIXED + length + (length + 1) % 2 :]
    name = _long_name(more) or record[_FIXED : _FIXED + length].partition(b";")[0]
    return _Entry(
        name=name.decode("utf-8", "replace"),
        block=block,
        size=size,
        is_folder=bool(record[25] & _FOLDER),
    )


def _long_name(fields: bytes) -> bytes:
    """Return the name in the fields that Rock Ridge adds; empty where it has none."""
    while len(fields) > 4 and fields[2] > 4:
        if fields.startswith(b"NM"):
            return fields[5 : fields[2]]
        fields = fields[fields[2] :]
    return b""
