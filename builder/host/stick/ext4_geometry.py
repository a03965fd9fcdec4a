"""Where things are in an ext4 of a given size.

Source: the kernel's Documentation/filesystems/ext4 (overview, blocks, group descriptors). The
layout is the classic one: each block group has its own bitmaps and inode table in front, and no
group lends its blocks to another (no flex_bg), so everything follows from the size alone.
"""

from dataclasses import dataclass
from typing import Final

BLOCK: Final = 4096  # bytes
GROUP_BLOCKS: Final = 32768  # one bitmap block's worth
GROUP_INODES: Final = 8192  # one inode for each 16 KiB, as mke2fs has it
INODE: Final = 256  # bytes
DESCRIPTOR: Final = 32  # bytes
SMALLEST: Final = 64 << 20  # bytes
LARGEST: Final = 8 << 40  # bytes; block numbers have 32 bits here

_TABLE_BLOCKS: Final = GROUP_INODES * INODE // BLOCK
_SMALL_JOURNAL: Final = 4096  # blocks
_JOURNAL: Final = 16384  # blocks
_SPARE: Final = 64  # blocks that the last group must have for files, or it is left out


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A block group; all numbers are of blocks from the start of the file system."""

    number: int
    first: int
    blocks: int
    descriptor_blocks: int

    @property
    def has_super(self) -> bool:
        """Whether it has a copy of the superblock and the descriptors: 0, 1, and powers of 3, 5, 7.

        That is what the feature sparse_super says.
        """
        return self.number < 2 or any(_is_power(self.number, of=base) for base in (3, 5, 7))

    @property
    def block_bitmap(self) -> int:
        """Where the bitmap of its blocks is."""
        return self.first + (1 + self.descriptor_blocks if self.has_super else 0)

    @property
    def inode_bitmap(self) -> int:
        """Where the bitmap of its inodes is."""
        return self.block_bitmap + 1

    @property
    def inode_table(self) -> int:
        """Where its inodes are."""
        return self.block_bitmap + 2

    @property
    def content(self) -> int:
        """The first block behind what every group has."""
        return self.inode_table + _TABLE_BLOCKS

    @property
    def overhead(self) -> int:
        """How many blocks every group needs for itself."""
        return self.content - self.first


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """A file system of so many blocks."""

    groups: tuple[Group, ...]

    @property
    def blocks(self) -> int:
        """How many blocks it has."""
        return self.groups[-1].first + self.groups[-1].blocks

    @property
    def inodes(self) -> int:
        """How many inodes it has."""
        return len(self.groups) * GROUP_INODES

    @property
    def descriptor_blocks(self) -> int:
        """How many blocks the table of group descriptors has."""
        return self.groups[0].descriptor_blocks

    @property
    def journal_blocks(self) -> int:
        """How large the journal is: 16 MiB below 1 GiB, else 64 MiB, as mke2fs up to 16 GiB.

        All of it has to be written, so on a slow stick a larger one costs more than it gives.
        """
        return _SMALL_JOURNAL if self.blocks < (1 << 30) // BLOCK else _JOURNAL


def geometry(size: int) -> Geometry:
    """Return the geometry for `size` bytes, from `SMALLEST` to `LARGEST`.

    A rest at the end that is too small to be a group stays unused.
    """
    blocks = size // BLOCK
    while True:
        count = -(-blocks // GROUP_BLOCKS)
        table = -(-count * DESCRIPTOR // BLOCK)
        groups = tuple(
            Group(
                number=number,
                first=number * GROUP_BLOCKS,
                blocks=min(GROUP_BLOCKS, blocks - number * GROUP_BLOCKS),
                descriptor_blocks=table,
            )
            for number in range(count)
        )
        if groups[-1].blocks >= groups[-1].overhead + _SPARE:
            return Geometry(groups=groups)
        blocks = groups[-1].first


def _is_power(number: int, *, of: int) -> bool:
    while number % of == 0:
        number //= of
    return number == 1
