"""Packs the installer: an image beside the system's, which no other part of the medium needs."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from builder.basics.codec import to_data
from builder.border.step_names import StepName
from builder.formats.package import Package
from builder.formats.recipe import Compression
from builder.inside.blocks.mksquashfs import STEADY_STAT, mksquashfs_argv
from builder.inside.debian.dpkg import read_packages
from builder.inside.installing.defaults import file_system_of
from builder.inside.installing.root import InstallerRoot, closure
from builder.inside.output.rows import read_rows
from builder.inside.system.system import Sight, System
from builder.inside.tree.tree import Tree

LISTING: Final = "${Package}\\t${Pre-Depends},${Depends}\\t${Provides}\\t.\\n"
_IMAGE: Final = Path("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallerStep:
    """Make the installer's root in the new `folder`, and pack it to `target`.

    What it does unless something else is asked for is what the system at `source` did.
    Everything in it is dated `source_date_epoch` (seconds since 1970). `stack`, the JSON list that
    the step `initramfs` left, gets the packages that are in it.
    """

    name: ClassVar[StepName] = StepName.INSTALLER
    needs: ClassVar[tuple[str, ...]] = ("dpkg-query", "mksquashfs")
    neutral: ClassVar[tuple[str, ...]] = ("folder", "stack")

    folder: Path
    source: Path
    target: Path
    stack: Path
    compression: Compression
    source_date_epoch: int

    def run(self, system: System) -> None:
        """Make it. Raises StepError where the builder image lacks a part of it."""
        listing = system.run(("dpkg-query", "--show", "--showformat", LISTING), logged=False)
        names = closure(listing)
        InstallerRoot(
            image=_IMAGE,
            target=self.folder,
            file_system=file_system_of(Tree(self.source)),
            clock=self.source_date_epoch,
        ).make(names)
        self._list(names)
        system.progress(0.3)
        self.target.parent.mkdir(parents=True, exist_ok=True)
        system.run(
            mksquashfs_argv(self.folder, self.target, self.compression),
            sight=Sight(reads=(self.folder,), writes=(self.target.parent,)),
            env={"LD_PRELOAD": os.fspath(STEADY_STAT)},
            logged=False,
        )

    def _list(self, names: tuple[str, ...]) -> None:
        own = {each for each in read_packages(Tree(_IMAGE)) if each.name in names}
        rows = sorted(own | set(read_rows(Package, self.stack)))
        text = json.dumps(to_data(rows), indent=1, ensure_ascii=True)
        self.stack.write_text(f"{text}\n", encoding="ascii")
