"""Adds packages to the copy, in a scratch root; what they made of it is then taken over."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from builder.border.step_names import StepName
from builder.formats.added_packages import PackagesLock
from builder.inside.added.accounting import Accounting
from builder.inside.added.install import Installation
from builder.inside.layers.scratch import Scratch
from builder.inside.layers.taking import Taking
from builder.inside.rules.applying import Journal
from builder.inside.system.system import System
from builder.inside.tree.tree import Tree


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
        installation = Installation(lock=self.lock, store=self.store)
        with self.scratch.opened(system) as place:
            tree = Tree(place, clock=self.source_date_epoch)
            accounting = Accounting(installation=installation, root=self.root, journal=journal)
            changes = accounting.install(tree, system)
            Taking(root=self.root, made=place).take(changes)
        journal.write(self.journal)
