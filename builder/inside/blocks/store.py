"""The store of compressed blocks: how mksquashfs uses it, what it holds, and how it is pruned.

A value is a file `ab/cdef…`, 64 hexadecimal digits in all. Nothing else in the directory is ever
touched, so one that was given by mistake keeps its files.
"""

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from builder.border.stored_blocks import BlockCounts, StoreFacts
from builder.inside.blocks.store_key import NO_KEY, StoreKey

LIBRARY: Final = Path("/usr/lib/distroclone-builder/block_cache.so")

_SHARD: Final = re.compile(r"[0-9a-f]{2}")
_VALUE: Final = re.compile(r"[0-9a-f]{62}")
_UNFINISHED: Final = re.compile(r"\.new-[0-9a-f]{16}(?:-[a-z0-9]{1,10})?")
_ABANDONED: Final = 3600  # seconds; no value takes that long to write


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockCache:
    """A store in a build container; the library writes `counts` when it ends.

    It writes `counts_ahead` when filling ahead ends, see `builder.inside.blocks.fill_ahead`.
    """

    folder: Path
    counts: Path
    read_only: bool = False
    key: StoreKey = NO_KEY

    @property
    def stdin(self) -> bytes:
        """The standard input with which the library gets its keys; see `environment`.

        Not a file or a variable: nobody else may read them.
        """
        return self.key.of(b"block names") + self.key.of(b"block sums")

    @property
    def counts_ahead(self) -> Path:
        """The file with the counts of filling ahead."""
        return self.counts.with_name(f"{self.counts.name}-ahead")

    def environment(self, *, reserve: int, counts: Path | None = None) -> Mapping[str, str]:
        """Return the environment by which mksquashfs uses the store when `LIBRARY` is preloaded.

        Nothing is stored while fewer than `reserve` bytes are free on the store's disk.
        """
        environment = {
            "DISTROCLONE_BLOCK_CACHE": os.fspath(self.folder),
            "DISTROCLONE_BLOCK_CACHE_COUNTS": os.fspath(counts or self.counts),
            "DISTROCLONE_BLOCK_CACHE_RESERVE": str(reserve),
        }
        if self.key.secret:
            environment["DISTROCLONE_BLOCK_CACHE_KEYED"] = "1"
        if self.read_only:
            environment["DISTROCLONE_BLOCK_CACHE_READ_ONLY"] = "1"
        return environment

    def reserve(self, folder: Path, size: Callable[[], int]) -> int:
        """Return the bytes on the store's disk that a build in `folder` needs for its results.

        `size` returns the bytes of the tree: squashfs and ISO each take at most half of that.
        """
        return size() if self.folder.stat().st_dev == folder.stat().st_dev else 0

    def read_counts(self) -> BlockCounts | None:
        """Return the counts; None when they cannot be read.

        Blocks that this build itself compressed ahead do not count as hits.
        """
        counts, ahead = _read(self.counts), _read(self.counts_ahead)
        return counts if counts is None or ahead is None else counts.without(ahead)


def mounted_store(folder: Path, *, counts: Path, key: str = "") -> BlockCache | None:
    """Return the store that the engine mounted at `folder`; None without one.

    `key` is its secret in hexadecimal digits, if it has one.
    """
    if not folder.is_dir():
        return None
    read_only = bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    secret = StoreKey(secret=bytes.fromhex(key))
    return BlockCache(folder=folder, counts=counts, read_only=read_only, key=secret)


def _read(path: Path) -> BlockCounts | None:
    try:
        words = dict(line.split() for line in path.read_text("ascii").splitlines())
        return BlockCounts(**{each.name: int(words[each.name]) for each in fields(BlockCounts)})
    except (OSError, ValueError, KeyError):
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Value:
    path: Path
    size: int
    used: float  # seconds since 1970


def show(folder: Path) -> StoreFacts:
    """Count what the store holds."""
    values = list(_values(folder))
    return StoreFacts(values=len(values), size=sum(each.size for each in values))


def prune(folder: Path, *, limit: int) -> StoreFacts:
    """Remove the least recently used values above `limit` bytes, and leftovers of crashes.

    Other builds may use the store at the same time: for them a removed value is a miss.
    """
    values = sorted(_values(folder), key=lambda each: each.used)
    size = sum(each.size for each in values)
    removed = removed_size = 0
    for value in values:
        if size <= limit:
            break
        value.path.unlink(missing_ok=True)
        size -= value.size
        removed += 1
        removed_size += value.size
    for path in _abandoned(folder):
        path.unlink(missing_ok=True)
    return StoreFacts(
        values=len(values) - removed, size=size, removed=removed, removed_size=removed_size
    )


def _values(folder: Path) -> Iterator[_Value]:
    for entry in _entries(folder, _VALUE):
        try:
            facts = entry.stat(follow_symlinks=False)
        except FileNotFoundError:  # another run pruned it
            continue
        yield _Value(path=Path(entry.path), size=facts.st_size, used=facts.st_mtime)


def _abandoned(folder: Path) -> Iterator[Path]:
    for entry in _entries(folder, _UNFINISHED):
        try:
            written = entry.stat(follow_symlinks=False).st_mtime
        except FileNotFoundError:  # it has its final name by now
            continue
        if written < time.time() - _ABANDONED:
            yield Path(entry.path)


def _entries(folder: Path, name: re.Pattern[str]) -> Iterator["os.DirEntry[str]"]:
    with os.scandir(folder) as shards:
        found = [
            each.path
            for each in shards
            if _SHARD.fullmatch(each.name) and each.is_dir(follow_symlinks=False)
        ]
    for shard in found:
        with os.scandir(shard) as entries:
            for entry in entries:
                if name.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    yield entry
