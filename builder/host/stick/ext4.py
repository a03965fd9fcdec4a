"""An ext4 with one small file in it, as the few blocks that have to be written.

Nothing of it is decided by the machine, the clock or a version of mke2fs, and no tool is needed:
the same size, name and date give the same bytes. Only what every kernel since 3.18 and e2fsck since
1.43 knows is used. Sources: the kernel's Documentation/filesystems/ext4 (super, group descriptors,
bitmaps, checksums) and `struct ext4_super_block` of fs/ext4/ext4.h.

Bitmaps and inode tables of groups that nothing is in yet are not written: their descriptors say
so (BLOCK_UNINIT, INODE_UNINIT), and the kernel makes them. The journal is written as a whole, since
what an old one left there would be replayed.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from builder.host.stick.crc32c import crc32c
from builder.host.stick.ext4_files import (
    FILE,
    FIRST,
    FOLDER,
    JOURNAL,
    ROOT,
    Inode,
    folder_block,
    journal_block,
)
from builder.host.stick.ext4_geometry import (
    BLOCK,
    GROUP_BLOCKS,
    GROUP_INODES,
    INODE,
    Geometry,
    Group,
    geometry,
)

_LOST_BLOCKS: Final = 4  # lost+found has room already, for e2fsck to put things into
_INODE_UNINIT: Final = 1
_BLOCK_UNINIT: Final = 2
_RESERVED: Final = 100  # one block of so many is for root
_PIECE: Final = 4 << 20  # bytes of zeros at a time

_COMPAT: Final = 0x4 | 0x8 | 0x20  # has_journal, ext_attr, dir_index
_INCOMPAT: Final = 0x2 | 0x40  # filetype, extents
# sparse_super, large_file, huge_file, dir_nlink, extra_isize, metadata_csum
_RO_COMPAT: Final = 0x1 | 0x2 | 0x8 | 0x20 | 0x40 | 0x400
_SUPER_HEAD: Final = struct.Struct("<13I6H4I2HI2H3I16s16s")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFileSystem:
    """What is asked for."""

    size: int  # bytes, at least `SMALLEST`
    label: str  # at most 16 bytes
    uuid: bytes
    hash_seed: bytes  # 16 bytes, which decide the order of names in large folders
    time: int  # seconds since 1970
    file: str  # the name of the one file
    content: bytes  # at most one block


def ext4_blocks(wanted: NewFileSystem) -> Iterator[tuple[int, bytes]]:
    """Yield what has to be written: offsets in bytes from the start, and whole blocks."""
    writer = _Writer(wanted=wanted, geometry=geometry(wanted.size), seed=crc32c(wanted.uuid))
    yield from ((number * BLOCK, content) for number, content in writer.blocks())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Writer:
    wanted: NewFileSystem
    geometry: Geometry
    seed: int  # where all checksums start

    @property
    def inodes(self) -> tuple[Inode, ...]:
        """What is in the file system, in the order of their blocks behind the inode table."""
        at = self.geometry.groups[0].content
        journal = self.geometry.journal_blocks
        lost, file, last = at + 1, at + 1 + _LOST_BLOCKS, at + 2 + _LOST_BLOCKS
        return (
            Inode(number=ROOT, kind=FOLDER, mode=0o755, links=3, size=BLOCK, first=at, blocks=1),
            Inode(number=FIRST, kind=FOLDER, mode=0o700, links=2, size=_LOST_BLOCKS * BLOCK,
                  first=lost, blocks=_LOST_BLOCKS),
            Inode(number=FIRST + 1, kind=FILE, mode=0o644, links=1,
                  size=len(self.wanted.content), first=file, blocks=1),
            Inode(number=JOURNAL, kind=FILE, mode=0o600, links=1, size=journal * BLOCK,
                  first=last, blocks=journal),
        )  # fmt: skip

    def used(self, group: Group) -> int:
        """Return how many blocks of a group are in use; they are the first ones."""
        files = sum(inode.blocks for inode in self.inodes) if group.number == 0 else 0
        return group.overhead + files

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        """Yield the numbers and contents of blocks; some contents are several blocks long."""
        first, last = self.geometry.groups[0], self.geometry.groups[-1]
        descriptors = self._descriptors()
        for group in self.geometry.groups:
            if group.has_super:
                block = self._superblock(group.number)
                start = 1024 if group.number == 0 else 0  # in front of the first is a boot sector
                yield group.first, (bytes(start) + block).ljust(BLOCK, b"\0")
                yield group.first + 1, descriptors
        yield first.block_bitmap, self._block_bitmap(first)
        if last.number:
            yield last.block_bitmap, self._block_bitmap(last)
        yield first.inode_bitmap, _bitmap(FIRST + 1, of=GROUP_INODES)
        yield first.inode_table, self._inode_block()
        yield from self._contents()

    def _contents(self) -> Iterator[tuple[int, bytes]]:
        root, lost, file, journal = self.inodes
        up = ("..", ROOT, FOLDER)
        names = ((".", ROOT, FOLDER), up, ("lost+found", FIRST, FOLDER))
        entries = (*names, (self.wanted.file, file.number, FILE))
        yield root.first, folder_block(ROOT, entries, seed=self.seed)
        yield lost.first, folder_block(FIRST, ((".", FIRST, FOLDER), up), seed=self.seed)
        for number in range(1, lost.blocks):
            yield lost.first + number, folder_block(FIRST, (), seed=self.seed)
        yield file.first, self.wanted.content.ljust(BLOCK, b"\0")
        yield journal.first, journal_block(journal.blocks)
        zeros, step = bytes(_PIECE), _PIECE // BLOCK
        for number in range(1, journal.blocks, step):
            count = min(step, journal.blocks - number)
            yield journal.first + number, zeros[: count * BLOCK]

    def _inode_block(self) -> bytes:
        """Return the first block of the first inode table, which has all that are in use."""
        inodes = {inode.number: inode for inode in self.inodes}
        time = self.wanted.time
        rows = (
            inodes[number].pack(seed=self.seed, time=time) if number in inodes else bytes(INODE)
            for number in range(1, BLOCK // INODE + 1)
        )
        return b"".join(rows)

    def _block_bitmap(self, group: Group) -> bytes:
        return _bitmap(self.used(group), of=group.blocks)

    def _descriptors(self) -> bytes:
        table = b"".join(self._descriptor(group) for group in self.geometry.groups)
        return table.ljust(self.geometry.descriptor_blocks * BLOCK, b"\0")

    def _descriptor(self, group: Group) -> bytes:
        is_first = group.number == 0
        is_last = group is self.geometry.groups[-1]
        flags = 0 if is_first else _INODE_UNINIT | (0 if is_last else _BLOCK_UNINIT)
        inodes = FIRST + 1 if is_first else 0
        block_sum = crc32c(self._block_bitmap(group), self.seed) if is_first or is_last else 0
        inode_bits = _bitmap(inodes, of=GROUP_INODES)[: GROUP_INODES // 8]
        inode_sum = crc32c(inode_bits, self.seed) if is_first else 0
        head = struct.pack(
            "<3I4HI3H",
            group.block_bitmap, group.inode_bitmap, group.inode_table,
            group.blocks - self.used(group), GROUP_INODES - inodes, 2 if is_first else 0, flags,
            0, block_sum & 0xFFFF, inode_sum & 0xFFFF, GROUP_INODES - inodes,
        )  # fmt: skip
        number = struct.pack("<I", group.number)
        checksum = crc32c(number + head + bytes(2), self.seed) & 0xFFFF
        return head + struct.pack("<H", checksum)

    def _superblock(self, number: int) -> bytes:
        geometry, time = self.geometry, self.wanted.time
        free = sum(group.blocks - self.used(group) for group in geometry.groups)
        head = _SUPER_HEAD.pack(
            geometry.inodes, geometry.blocks, geometry.blocks // _RESERVED, free,
            geometry.inodes - FIRST - 1, 0, 2, 2, GROUP_BLOCKS, GROUP_BLOCKS, GROUP_INODES, 0, time,
            0, 0xFFFF, 0xEF53, 1, 1, 0,  # never mounted, no count of mounts, clean, go on
            time, 0, 0, 1, 0, 0,  # checked, made by Linux, with features
            FIRST, INODE, number, _COMPAT, _INCOMPAT, _RO_COMPAT,
            self.wanted.uuid, self.wanted.label.encode(),
        )  # fmt: skip
        block = bytearray(head.ljust(1024, b"\0"))
        journal = self.inodes[-1]
        struct.pack_into("<I", block, 224, JOURNAL)
        block[236:252] = self.wanted.hash_seed
        block[252:254] = bytes((1, 1))  # half MD4; a copy of where the journal is follows
        struct.pack_into("<I", block, 256, 0xC)  # mounted with user_xattr and acl
        struct.pack_into("<I", block, 264, time)
        block[268:328] = journal.extents()
        struct.pack_into("<I", block, 332, journal.size)
        struct.pack_into("<HH", block, 348, 32, 32)  # what inodes have more than 128 bytes for
        struct.pack_into("<I", block, 352, 1)  # names are hashed as signed characters
        block[373] = 1  # checksums are CRC-32C
        struct.pack_into("<I", block, 1020, crc32c(bytes(block[:1020])))
        return bytes(block)


def _bitmap(used: int, *, of: int) -> bytes:
    """Return a block of bits: the first `used` are set, and all behind the `of` that there are."""
    bits = (1 << used) - 1 | ((1 << 8 * BLOCK) - 1 ^ ((1 << of) - 1))
    return bits.to_bytes(BLOCK, "little")
