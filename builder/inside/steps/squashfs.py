"""Packs the configured tree into the lower one of the images that live-boot stacks.

Needs squashfs-tools 4.4 or newer, which produce the same bytes for the same tree with any number
of processors; the timestamp is SOURCE_DATE_EPOCH.
"""

import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from builder.border.step_names import StepName
from builder.formats.recipe import Compression
from builder.inside.blocks import packing
from builder.inside.blocks.mksquashfs import STEADY_STAT, mksquashfs_argv
from builder.inside.blocks.store import LIBRARY, BlockCache
from builder.inside.debian.dpkg import read_packages
from builder.inside.system.system import Sight, System
from builder.inside.tree.tree import Tree

_PERCENT: Final = re.compile(r"(100|[0-9]{1,2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class SquashfsStep:
    """Makes `target` from the sealed tree at `root`, and `packages`, the list of its packages.

    `size` returns the bytes of the tree's files.
    """

    name: ClassVar[StepName] = StepName.SQUASHFS
    needs: ClassVar[tuple[str, ...]] = ("mksquashfs",)
    neutral: ClassVar[tuple[str, ...]] = ("groups", "block_cache", "size")

    root: Path
    target: Path
    packages: Path
    groups: Path  # which small files share blocks; only mksquashfs reads this file
    compression: Compression
    size: Callable[[], int]
    block_cache: BlockCache | None = None

    def argv(self) -> list[str]:
        """Return the command, for which read errors are fatal."""
        grouped = ["-action-file", os.fspath(self.groups)] if self.compression.grouped else []
        return [*mksquashfs_argv(self.root, self.target, self.compression), *grouped]

    def run(self, system: System) -> None:
        """Write both files. Raises StepError when the tree cannot be read or the disk is full."""
        self.target.parent.mkdir(parents=True, exist_ok=True)
        packages = read_packages(Tree(self.root))
        lines = [f"{package.name}\t{package.version}\n" for package in packages]
        self.packages.write_text("".join(lines), encoding="utf-8")
        if self.compression.grouped:
            packing.write_actions(self.root, self.groups, block_size=self.compression.block_size)
        if self.block_cache is None:
            self._pack(system, (STEADY_STAT,), {}, b"")
        else:
            self._pack_cached(self.block_cache, system)

    def _pack(
        self,
        system: System,
        libraries: tuple[Path, ...],
        environment: Mapping[str, str],
        stdin: bytes,
    ) -> None:
        preload = {"LD_PRELOAD": ":".join(map(os.fspath, libraries))}
        system.run(
            self.argv(),
            sight=self._sight(),
            env={**preload, **environment},
            stdin=stdin,
            progress=squashfs_progress,
        )

    def _sight(self) -> Sight:
        reads, writes = [self.root], [self.target.parent]
        if self.compression.grouped:
            reads.append(self.groups)
        if self.block_cache is not None:
            (reads if self.block_cache.read_only else writes).append(self.block_cache.folder)
            writes.append(self.block_cache.counts)
        return Sight(reads=tuple(reads), writes=tuple(writes))

    def _pack_cached(self, cache: BlockCache, system: System) -> None:
        cache.counts.write_bytes(b"")
        reserve = cache.reserve(self.target.parent, self.size)
        environment = cache.environment(reserve=reserve)
        self._pack(system, (STEADY_STAT, LIBRARY), environment, cache.stdin)
        counts = cache.read_counts()
        if counts is None or not counts.asked:
            return
        system.note(
            "Block cache: {percent} % of {asked} blocks reused, which saved compressing "
            "{saved} MiB",
            percent=math.floor(counts.rate * 100),
            asked=counts.asked,
            saved=counts.hit_bytes >> 20,
        )
        if counts.not_stored:
            system.note(
                "Block cache: {unstored} new blocks could not be kept: there is no space for them, "
                "or they may not be written there",
                unstored=counts.not_stored,
            )


def squashfs_progress(line: str) -> float | None:
    """Parse a line that mksquashfs 4.6.1 prints for `-percentage`: just a whole number."""
    found = _PERCENT.fullmatch(line.strip())
    return int(found[1]) / 100 if found else None
