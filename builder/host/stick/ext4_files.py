"""The inodes, directories and journal of a new ext4.

Sources: the kernel's Documentation/filesystems/ext4 (inodes, ifork, directory, checksums, journal);
`struct ext4_inode` and `struct ext4_dir_entry_tail` of fs/ext4/ext4.h; `journal_superblock_s` of
include/linux/jbd2.h, whose numbers are big-endian, unlike all others.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from builder.host.stick.crc32c import crc32c
from builder.host.stick.ext4_geometry import BLOCK, INODE

ROOT: Final = 2
JOURNAL: Final = 8
FIRST: Final = 11  # the first inode that is nobody's in particular: lost+found

FOLDER: Final = 0o40000
FILE: Final = 0o100000

_TAIL: Final = 12  # bytes at the end of a directory's block, for its checksum
_TAIL_TYPE: Final = 0xDE
_EXTRA: Final = 32  # bytes of the inode's second half that are in use
_EXTENTS: Final = 0x80000  # flag
_EXTENT_MAGIC: Final = 0xF30A
_EXTENTS_IN_INODE: Final = 4
_INODE_HEAD: Final = struct.Struct("<HHIIIIIHHIII60sIII")
_EXTENT: Final = struct.Struct("<HHHHIIHHI")
_JOURNAL_HEAD: Final = struct.Struct(">IIIIIIIIIIII16sI")
_JOURNAL_MAGIC: Final = 0xC03B3998
_SUPERBLOCK_V2: Final = 4
_TYPES: Final = {FILE: 1, FOLDER: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inode:
    """A file or folder whose content is one run of blocks."""

    number: int
    kind: int
    mode: int
    links: int
    size: int  # bytes
    first: int  # block
    blocks: int

    def extents(self) -> bytes:
        """Return the 60 bytes that say where its content is."""
        head = (_EXTENT_MAGIC, 1, _EXTENTS_IN_INODE, 0, 0)
        return _EXTENT.pack(*head, 0, self.blocks, 0, self.first).ljust(60, b"\0")

    def pack(self, *, seed: int, time: int) -> bytes:
        """Return the inode with its checksum."""
        head = _INODE_HEAD.pack(
            self.kind | self.mode, 0, self.size, time, time, time, 0, 0, self.links,
            self.blocks * BLOCK // 512, _EXTENTS, 0, self.extents(), 0, 0, 0,
        )  # fmt: skip
        inode = bytearray(head.ljust(INODE, b"\0"))
        struct.pack_into("<H", inode, 128, _EXTRA)
        struct.pack_into("<I", inode, 144, time)  # when it was made
        checksum = crc32c(bytes(inode), inode_seed(self.number, seed=seed))
        struct.pack_into("<H", inode, 124, checksum & 0xFFFF)
        struct.pack_into("<H", inode, 130, checksum >> 16)
        return bytes(inode)


def inode_seed(number: int, *, seed: int) -> int:
    """Return where the checksums of an inode and of its blocks start: number, generation 0."""
    return crc32c(struct.pack("<II", number, 0), seed)


def folder_block(owner: int, entries: Sequence[tuple[str, int, int]], *, seed: int) -> bytes:
    """Return a block of a folder: names with their inodes' numbers and kinds; none is fine."""
    rows, room = [], BLOCK - _TAIL
    for position, (name, number, kind) in enumerate(entries or [("", 0, 0)], start=1):
        raw = name.encode()
        is_last = position >= len(entries)
        length = room if is_last else -(-(8 + len(raw)) // 4) * 4
        head = struct.pack("<IHBB", number, length, len(raw), _TYPES.get(kind, 0))
        rows.append((head + raw).ljust(length, b"\0"))
        room -= length
    content = b"".join(rows)
    checksum = crc32c(content, inode_seed(owner, seed=seed))
    return content + struct.pack("<IHBBI", 0, _TAIL, 0, _TAIL_TYPE, checksum)


def journal_block(blocks: int) -> bytes:
    """Return the first block of an empty journal; the others are zeros."""
    head = _JOURNAL_HEAD.pack(
        _JOURNAL_MAGIC, _SUPERBLOCK_V2, 0, BLOCK, blocks, 1, 1, 0, 0, 0, 0, 0, bytes(16), 1
    )
    return head.ljust(BLOCK, b"\0")
