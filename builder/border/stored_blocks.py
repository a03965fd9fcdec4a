"""What host and container say to each other about the block cache.

The block cache is a store of compressed blocks in front of mksquashfs. It decides no byte of an
ISO, so no plan and no manifest names it. `containers/block-cache/block_cache.c` fills and reads
it.
"""

from dataclasses import dataclass
from typing import Final

LIMIT: Final = 5 << 30  # bytes that a store keeps after a build


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockCounts:
    """What happened to the blocks of one run of mksquashfs; the names are the library's own."""

    hits: int  # blocks that the store had
    misses: int
    hit_bytes: int  # of content, before compression
    miss_bytes: int
    damaged: int  # values in the store that were no good, and were replaced
    stored_bytes: int
    not_stored: int  # misses that could not be stored: no room, no right to write

    def without(self, ahead: "BlockCounts") -> "BlockCounts":
        """Return these counts with what was compressed `ahead` of the same run as misses.

        A block that could not be stored then was asked for and counted again.
        """
        blocks = min(self.hits, max(ahead.misses - ahead.not_stored, 0))
        content = min(self.hit_bytes, ahead.miss_bytes * blocks // ahead.misses) if blocks else 0
        return BlockCounts(
            hits=self.hits - blocks,
            misses=self.misses + blocks,
            hit_bytes=self.hit_bytes - content,
            miss_bytes=self.miss_bytes + content,
            damaged=self.damaged + ahead.damaged,
            stored_bytes=self.stored_bytes + ahead.stored_bytes,
            not_stored=self.not_stored,
        )

    @property
    def asked(self) -> int:
        """How many blocks the store was asked for."""
        return self.hits + self.misses

    @property
    def rate(self) -> float:
        """The share of blocks that the store had, 0.0 to 1.0; 0.0 when it was not asked."""
        return self.hits / self.asked if self.asked else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneRequest:
    """Remove the least recently used values until the store has no more than `limit` bytes."""

    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """What a store holds; after pruning, also what was removed."""

    values: int
    size: int  # bytes
    removed: int = 0
    removed_size: int = 0  # bytes
