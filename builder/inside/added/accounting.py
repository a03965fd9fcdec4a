"""Says of each path that installing packages changed by whom it was: what a journal has of it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.formats.changes import Change
from builder.inside.added.install import Installation, is_fleeting, package_paths
from builder.inside.layers.difference import Difference, TreeDifference
from builder.inside.rules.applying import Journal
from builder.inside.system.system import System
from builder.inside.tree.tree import Tree

# What the journal and the manifest say instead of a rule.
_PACKAGES: Final = "added-packages"
_GONE: Final = "removed-packages"
_DATABASE: Final = "package-database"
_SCRIPTS: Final = "maintainer-scripts"
_DATABASES: Final = (b"/var/lib/dpkg/", b"/var/lib/apt/", b"/var/cache/debconf/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounting:
    """An `installation` into a scratch root on the tree at `root`, told to `journal`."""

    installation: Installation
    root: Path
    journal: Journal

    def install(self, tree: Tree, system: System) -> tuple[Difference, ...]:
        """Install into `tree`, and return what changed. Raises StepError."""
        lock = self.installation.lock
        replaced = (each for each in lock.packages if each.replaces)
        before = frozenset(package_paths(tree, (*lock.removed, *replaced)))
        ours = self.installation.into(tree, system)

        def ignored(path: bytes) -> bool:
            return path in ours or is_fleeting(path)

        found = TreeDifference(below=self.root, made=tree.root, ignored=ignored)
        changes = tuple(found.changes())
        self._explain(changes, before, frozenset(package_paths(tree, lock.packages)))
        self._tell(system)
        return changes

    def _explain(
        self, changes: Sequence[Difference], before: frozenset[bytes], after: frozenset[bytes]
    ) -> None:
        for path, change in changes:
            removed = change is Change.REMOVED
            if path in (before if removed else after):
                self.journal.rule = _GONE if removed else _PACKAGES
            else:
                self.journal.rule = _DATABASE if path.startswith(_DATABASES) else _SCRIPTS
            self.journal.record(change.value, os.fsdecode(path))

    def _tell(self, system: System) -> None:
        written = [each.path for each in self.journal.changes if each.rule == _SCRIPTS]
        for path in written:
            system.log(f"written by a maintainer script: {path}")
        system.note(
            "Packages added: {count}, removed: {removed}; other paths that their scripts wrote: "
            "{written}",
            count=len(self.installation.lock.packages),
            removed=len(self.installation.lock.removed),
            written=len(written),
        )
