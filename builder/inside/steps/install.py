"""Adds packages to the copy and removes some, in a scratch root, and takes over what that did."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from builder.basics.errors import StepError
from builder.border.step_names import StepName
from builder.formats.added_packages import PackagesLock
from builder.inside.added.accounting import Accounting
from builder.inside.added.install import Installation
from builder.inside.debian.admission import admission_problems, reasons_of
from builder.inside.debian.facts import read_facts
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
        """Do it. Raises StepError for packages that cannot be installed or removed."""
        journal = Journal()
        installation = Installation(lock=self.lock, store=self.store)
        with self.scratch.opened(system) as place:
            tree = Tree(place, clock=self.source_date_epoch)
            accounting = Accounting(installation=installation, root=self.root, journal=journal)
            changes = accounting.install(tree, system)
            self._check(Tree(place))
            Taking(root=self.root, made=place).take(changes)
        journal.write(self.journal)

    def _check(self, tree: Tree) -> None:
        """Raise StepError where what starts a system went with a package that was removed."""
        if self.lock.removed and (problems := admission_problems(tree, read_facts(tree))):
            raise StepError(
                "Without the packages that were removed, this system cannot become a live ISO: "
                "{reasons}",
                hint="Keep those that start a system.",
                reasons=reasons_of(problems),
            )
