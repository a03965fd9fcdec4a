"""A tree that is packed again and again with one store of compressed blocks."""

import dataclasses
import os
import random
import subprocess
from pathlib import Path

from builder.border.stored_blocks import BlockCounts
from builder.host.config.compression_text import parse_compression
from builder.inside.blocks.mksquashfs import STEADY_STAT
from builder.inside.blocks.packing import write_actions
from builder.inside.blocks.store import LIBRARY, BlockCache
from builder.inside.medium import identity as medium
from builder.inside.steps.squashfs import SquashfsStep
from tests.support.media import EPOCH, Work, make_root, real_system, squashfs_step


def names(store: Path) -> set[str]:
    """Return the keys of all values."""
    return {path.parent.name + path.name for path in values(store)}


def values(store: Path) -> list[Path]:
    """Return the files of all values."""
    return sorted(path for path in store.glob("??/*") if not path.name.startswith("."))


class Packing:
    """One tree, packed again and again with one store."""

    def __init__(self, base: Path) -> None:
        self.work = Work(base=base)
        self.cache = BlockCache(folder=base / "store", counts=base / "counts")
        self.cache.folder.mkdir()
        make_root(self.work)
        chance = random.Random(4)  # noqa: S311
        (self.work.root / "half").write_bytes(chance.randbytes(2 << 20).hex().encode())
        (self.work.root / "noise").write_bytes(chance.randbytes(1 << 20))
        for number in range(50):
            small = self.work.root / f"small-{number}"
            small.write_bytes(chance.randbytes(700).hex().encode())
        for path in self.work.root.iterdir():
            os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)

    def step(self, how: str, cache: BlockCache | None) -> SquashfsStep:
        """Return the step that packs so."""
        return dataclasses.replace(
            squashfs_step(self.work), compression=parse_compression(how), block_cache=cache
        )

    def plain(self, how: str) -> bytes:
        """Pack without any cache."""
        self.step(how, None).run(real_system())
        return (self.work.iso_tree / medium.SQUASHFS).read_bytes()

    def cached(self, how: str, **changes: object) -> tuple[bytes, BlockCounts]:
        """Pack with the store, and return what the library counted."""
        cache = dataclasses.replace(self.cache, **changes)  # type: ignore[arg-type]
        self.step(how, cache).run(real_system())
        counts = cache.read_counts()
        assert counts is not None
        return (self.work.iso_tree / medium.SQUASHFS).read_bytes(), counts

    def start(
        self, how: str, target: Path, *, reserve: int = 0, **more: str
    ) -> "subprocess.Popen[bytes]":
        """Start mksquashfs with the store, and do not wait for it."""
        step = dataclasses.replace(self.step(how, None), target=target)
        write_actions(step.root, step.groups, block_size=step.compression.block_size)
        counts = target.with_suffix(".counts")
        cache = dataclasses.replace(self.cache, counts=counts)
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH),
                       "LD_PRELOAD": f"{STEADY_STAT}:{LIBRARY}",
                       **cache.environment(reserve=reserve), **more}  # fmt: skip
        return subprocess.Popen(
            step.argv(), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def finish(self, process: "subprocess.Popen[bytes]", target: Path) -> tuple[bytes, BlockCounts]:
        """Wait for what `start` began."""
        assert process.wait() == 0
        counts = dataclasses.replace(self.cache, counts=target.with_suffix(".counts")).read_counts()
        assert counts is not None
        return target.read_bytes(), counts
