"""Compresses blocks ahead while the initramfs is made, which uses only one processor.

mksquashfs gets them from the store of compressed blocks, so they never affect the result. See
`containers/block-cache/fill_ahead.c`.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.formats.recipe import Codec, Compression
from builder.inside.blocks import packing
from builder.inside.blocks.store import LIBRARY, BlockCache
from builder.inside.system.system import Sight, System

_PROGRAM: Final = Path("/usr/lib/distroclone-builder/fill_ahead")
_MOST_THREADS: Final = 20  # at 27 MiB each, beside the temporary files of mkinitramfs


@dataclass(frozen=True, slots=True, kw_only=True)
class FillAhead:
    """Fills `store` with blocks of the large files of the tree at `root`.

    `results` is a directory on the disk of the build's results; `size` returns the bytes of the
    tree.
    """

    root: Path
    compression: Compression
    store: BlockCache
    results: Path
    size: Callable[[], int]

    @contextmanager
    def running(self, system: System) -> Iterator[None]:
        """Fill the store while the body runs, if there is a processor to spare."""
        self.store.counts_ahead.unlink(missing_ok=True)
        threads = min(len(os.sched_getaffinity(0)) - 1, _MOST_THREADS)
        if threads < 1 or self.compression.codec is Codec.LZ4 or self.store.read_only:
            yield
            return
        environment = self.store.environment(
            reserve=self.store.reserve(self.results, self.size), counts=self.store.counts_ahead
        )
        preload = {"LD_PRELOAD": os.fspath(LIBRARY)}
        self.store.counts_ahead.touch()
        sight = Sight(reads=(self.root,), writes=(self.store.folder, self.store.counts_ahead))
        with system.meanwhile(
            self.argv(threads),
            sight=sight,
            env={**preload, **environment},
            stdin=self.store.stdin,
        ):
            yield

    def argv(self, threads: int) -> list[str]:
        """Return the command; its last arguments determine the content of a block."""
        how = self.compression
        smallest = packing.fragment_limit(how.block_size) if how.grouped else how.block_size
        return [
            os.fspath(_PROGRAM), os.fspath(self.root), str(smallest), str(threads),
            str(how.block_size), how.codec.value,
            *(how.filters if how.level is None else (str(how.level),)),
        ]  # fmt: skip
