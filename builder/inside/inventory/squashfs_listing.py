"""Lists the contents of a squashfs in a file without unpacking, mounting or writing anything.

A squashfs has no digests: damage may go unnoticed here and change what is read.
"""

import hashlib
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final

from builder.formats.inventory import Entry, EntryType, InstalledPackage, Row
from builder.inside.debian.dpkg import MOST_BYTES, STATUS
from builder.inside.inventory.pseudo_file import Inode, read_definitions
from builder.inside.inventory.tree_listing import OpenTexts, package_rows, with_text
from builder.inside.system.digests import CHUNK
from builder.inside.system.system import System

_SUPERBLOCK: Final = struct.Struct("<4sI")  # magic and number of inodes; squashfs_fs.h
_MAGIC: Final = b"hsqs"
_MOST_BYTES: Final = 1 << 40  # of contents; a squashfs of a few KiB can claim more


def squashfs_rows(file: Path, start: int, *, system: System) -> list[Row]:
    """List the squashfs that begins at byte `start` of `file`.

    Raises StepError, ValueError or EOFError when it cannot be read.
    """
    inodes = _inodes(file, start)
    argv = ["unsquashfs", "-offset", str(start), "-pf", "-", os.fspath(file)]
    with system.reading(argv) as stream:
        return read_rows(stream, inodes=inodes, progress=system.progress)


def read_rows(stream: BinaryIO, *, inodes: int, progress: Callable[[float], None]) -> list[Row]:
    """Return the rows of a stream of `unsquashfs -pf -`, in the order of an inventory.

    Raises EOFError when the stream is truncated, ValueError when it is invalid.
    """
    found = read_definitions(stream)
    if len(found) != inodes:  # a link's target can look like more lines of the listing
        message = f"it lists {len(found)} files, its superblock says {inodes}"
        raise ValueError(message)
    if sum(inode.size for inode in found) > _MOST_BYTES:
        message = "it claims to hold more than a tebibyte"
        raise ValueError(message)
    packages: tuple[InstalledPackage, ...] = ()
    entries: list[tuple[bytes, Entry]] = []
    for inode, entry, content in _read(stream, found, progress=progress):
        if entry.path == STATUS:
            packages = package_rows(content)
        entries += _named(entry, inode.names)
    return [*packages, *(entry for _name, entry in sorted(entries, key=lambda each: each[0]))]


def _read(
    stream: BinaryIO, found: Sequence[Inode], *, progress: Callable[[float], None]
) -> Iterator[tuple[Inode, Entry, bytes]]:
    """Yield each inode with the entry of its first name, and with its content if needed."""
    total, position, texts = max(sum(inode.size for inode in found), 1), 0, OpenTexts()
    for inode in found:
        entry, content = _entry(inode), b""
        is_text = texts.wants(entry)
        if inode.kind is EntryType.FILE:
            if inode.size and inode.offset != position:
                message = f"the content of {entry.path!r} is at the wrong offset"
                raise ValueError(message)
            is_status = entry.path == STATUS and inode.size <= MOST_BYTES
            digest, content = _content(stream, inode.size, keep=is_text or is_status)
            entry = replace(entry, value=digest)
            position += inode.size
            progress(position / total)
        yield inode, with_text(entry, content) if is_text else entry, content
    if stream.read(1):
        message = "it contains more data than it lists"
        raise ValueError(message)


def _content(stream: BinaryIO, size: int, *, keep: bool) -> tuple[str, bytes]:
    digest, kept = hashlib.sha256(), bytearray()
    while size:
        piece = stream.read(min(size, CHUNK))
        if not piece:
            raise EOFError
        digest.update(piece)
        size -= len(piece)
        if keep:
            kept += piece
    return digest.hexdigest(), bytes(kept)


def _entry(inode: Inode) -> Entry:
    return Entry(
        path=os.fsdecode(inode.names[0]),
        type=inode.kind,
        mode=inode.mode,
        uid=inode.uid,
        gid=inode.gid,
        mtime=inode.mtime,
        size=inode.size,
        value=os.fsdecode(inode.value),
        capability=inode.capability.hex(),
    )


def _named(entry: Entry, names: Sequence[bytes]) -> Iterator[tuple[bytes, Entry]]:
    """Yield an entry for each name of an inode, sorted by their bytes."""
    first, *others = sorted(names)
    yield first, replace(entry, path=os.fsdecode(first))
    for name in others:
        yield name, replace(entry, path=os.fsdecode(name), first=os.fsdecode(first))


def _inodes(file: Path, start: int) -> int:
    with file.open("rb") as stream:
        stream.seek(start)
        block = stream.read(_SUPERBLOCK.size)
    if len(block) < _SUPERBLOCK.size or not block.startswith(_MAGIC):
        message = "it is not a squashfs"
        raise ValueError(message)
    _magic, inodes = _SUPERBLOCK.unpack(block)
    return int(inodes)
