"""Adds packages to the copy, in a scratch root; what they made of it is then taken over."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from builder.border.step_names import StepName
from builder.formats.added_packages import PackagesLock
from builder.formats.changes import Change
from builder.inside.added.install import Installation, is_fleeting, package_paths
from builder.inside.layers.difference import Difference, TreeDifference
from builder.inside.layers.scratch import Scratch
from builder.inside.layers.taking import Taking
from builder.inside.rules.applying import Journal
from builder.inside.system.system import System
from builder.inside.tree.tree import Tree

# By whom a path was changed: what the journal and the manifest say instead of a rule.
_PACKAGES: Final = "added-packages"
_DATABASE: Final = "package-database"
_SCRIPTS: Final = "maintainer-scripts"
_DATABASES: Final = (b"/var/lib/dpkg/", b"/var/lib/apt/", b"/var/cache/debconf/")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallStep:
    """Install the packages of `lock`, whose files are in `store`, into the tree at `root`.

    `journal` becomes a JSON list, as that of the step `configure`.
    """

    name: ClassVar[StepName] = StepName.INSTALL
    needs: ClassVar[tuple[str, ...]] = ("mount", "rsync", "umount")
    neutral: ClassVar[tuple[str, ...]] = ("scratch", "store", "journal")

    root: Path
    scratch: Scratch
    store: Path
    lock: PackagesLock
    source_date_epoch: int
    journal: Path

    def run(self, system: System) -> None:
        """Install. Raises StepError for packages that cannot be installed."""
        journal = Journal()
        with self.scratch.opened(system) as place:
            tree = Tree(place, clock=self.source_date_epoch)
            ours = Installation(lock=self.lock, store=self.store).into(tree, system)

            def ignored(path: bytes) -> bool:
                return path in ours or is_fleeting(path)

            found = TreeDifference(below=self.root, made=place, ignored=ignored)
            changes = tuple(found.changes())
            self._explain(journal, changes, frozenset(package_paths(tree, self.lock)))
            Taking(root=self.root, made=place).take(changes)
        self._tell(system, journal)
        journal.write(self.journal)

    def _explain(
        self, journal: Journal, changes: Sequence[Difference], owned: frozenset[bytes]
    ) -> None:
        for path, change in changes:
            if path in owned and change is not Change.REMOVED:
                journal.rule = _PACKAGES
            else:
                journal.rule = _DATABASE if path.startswith(_DATABASES) else _SCRIPTS
            journal.record(change.value, os.fsdecode(path))

    def _tell(self, system: System, journal: Journal) -> None:
        written = [each.path for each in journal.changes if each.rule == _SCRIPTS]
        for path in written:
            system.log(f"written by a maintainer script: {path}")
        system.note(
            "Packages added: {count}; other paths that their scripts wrote: {written}",
            count=len(self.lock.packages),
            written=len(written),
        )
