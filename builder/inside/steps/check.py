"""The first step: is the source what was planned, can it boot, and is there room for the work?

It runs before any long work, so everything here is read once and quickly.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from builder.errors import HostError, SourceError
from builder.inside.admission import admission_problems
from builder.inside.facts import read_facts
from builder.inside.results import Results
from builder.inside.system import System
from builder.inside.tree import Tree
from builder.plan import Candidate, Problem
from builder.texts import render

# Shares of the tree's size. Root filesystems of Debian compress to between 0.3 and 0.5 of it with
# any preset; documents and music do not.
_COPY: Final = 1.0
_IMAGE: Final = 0.5  # the squashfs, and once more the ISO
_LEFT_OUT: Final = (
    ".snapshots", "dev", "home", "media", "mnt", "proc", "root", "run", "sys", "tmp",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckStep:
    """Refuses a `source` that cannot become an ISO, and disks that are too small for it."""

    name: ClassVar[str] = "check"
    needs: ClassVar[tuple[str, ...]] = ()

    source: Path
    work: Path
    results: Results
    candidate: Candidate

    def run(self, system: System) -> None:
        """Raises SourceError for the source, HostError for the space."""
        tree = Tree(self.source)
        facts = read_facts(tree)
        problems = admission_problems(tree, facts)
        if problems:
            raise _refused(problems)
        if facts != self.candidate.system:
            raise SourceError(
                "The source is not the system that was chosen any more",
                hint="Something changed it meanwhile; build again.",
            )
        self._check_room(tree_size(self.source))
        system.progress(1.0)

    def _check_room(self, size: int) -> None:
        work, iso = size * (_COPY + _IMAGE), size * _IMAGE
        if self.results.delivered:
            self.results.check_room(int(iso))
        if self.results.folder.stat().st_dev == self.work.stat().st_dev:
            work += iso
        space = os.statvfs(self.work)
        free = space.f_bavail * space.f_frsize
        if free < work:
            raise HostError(
                "The engine's volumes have {free} MiB free; about {needed} MiB are needed",
                hint="Free space where the engine keeps its data (`distroclone-builder doctor` "
                "shows the place), or move it to a larger disk.",
                free=free >> 20,
                needed=int(work) >> 20,
            )


def tree_size(root: Path) -> int:
    """Return the bytes that a tree's files take, hard links once, sparse files as they are."""
    total, seen = 0, set[tuple[int, int]]()
    folders = [each.path for each in os.scandir(root) if each.name not in _LEFT_OUT
               and each.is_dir(follow_symlinks=False)]  # fmt: skip
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                facts = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(facts.st_mode):
                    folders.append(entry.path)
                elif stat.S_ISREG(facts.st_mode):
                    if facts.st_nlink > 1:
                        if (facts.st_dev, facts.st_ino) in seen:
                            continue
                        seen.add((facts.st_dev, facts.st_ino))
                    total += min(facts.st_size, facts.st_blocks * 512)
    return total


def _refused(problems: tuple[Problem, ...]) -> SourceError:
    reasons = "; ".join(render(each.message, dict(each.values)) for each in problems)
    hints = dict.fromkeys(render(each.hint, dict(each.values)) for each in problems if each.hint)
    return SourceError(
        "This system cannot become a live ISO: {reasons}",
        hint="{hints}",
        reasons=reasons,
        hints=" ".join(hints),
    )
