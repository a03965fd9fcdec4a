"""What host and container exchange about the block cache.

The block cache is a store of compressed blocks for mksquashfs. It never affects the bytes of an
ISO, so it is in no plan and no manifest. `containers/block-cache/block_cache.c` fills and reads
it.
"""

from dataclasses import dataclass
from typing import Final

LIMIT: Final = 5 << 30  # bytes that a store keeps after a build


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockCounts:
    """What happened to the blocks of one run of mksquashfs; the names are those of the library."""

    hits: int  # blocks that the store had
    misses: int
    hit_bytes: int  # of content, before compression
    miss_bytes: int
    damaged: int  # invalid values in the store, which were replaced
    stored_bytes: int
    not_stored: int  # misses that could not be stored: no space or no permission

    def without(self, ahead: "BlockCounts") -> "BlockCounts":
        """Return these counts, with the blocks that the same build compressed `ahead` as misses.

        A block that could not be stored ahead was requested and counted a second time.
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
        """How many blocks were requested from the store."""
        return self.hits + self.misses

    @property
    def rate(self) -> float:
        """The share of requested blocks that the store had, 0.0 to 1.0; 0.0 without requests."""
        return self.hits / self.asked if self.asked else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneRequest:
    """Remove the least recently used values until the store has no more than `limit` bytes."""

    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """The contents of a store; after pruning, also what was removed."""

    values: int
    size: int  # bytes
    removed: int = 0
    removed_size: int = 0  # bytes
