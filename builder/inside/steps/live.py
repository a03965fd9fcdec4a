"""Makes the live layer: what a live system has above the system, and an installed one has not."""

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from builder.border.step_names import StepName
from builder.formats.recipe import Compression, Installer, LiveSettings
from builder.inside import session
from builder.inside.added.accounting import Accounting
from builder.inside.added.install import Installation
from builder.inside.blocks.mksquashfs import STEADY_STAT, mksquashfs_argv
from builder.inside.layers.layer import Layer
from builder.inside.layers.scratch import Scratch
from builder.inside.leftovers.gone import HEIR, Gone
from builder.inside.rules import AFTER_PACKAGES
from builder.inside.rules.applying import Applying, Journal
from builder.inside.rules.rule import Warned
from builder.inside.selection.keeping import keeper
from builder.inside.system.system import Sight, System
from builder.inside.tree.sealed import seal
from builder.inside.tree.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveStep:
    """Apply every rule for the live system to a scratch root, and pack what changed to `target`.

    What changed is also in the new directory `layer`, as overlayfs expects a layer.

    Before, the tree at `root` becomes read-only until `mounts` closes: nothing that runs later can
    change what is packed. Packages that are `added` come first, and then the rules that take away
    what is secret or fleeting in them (`keep` is the recipe's). Files are dated `source_date_epoch`
    (seconds since 1970). `journal` becomes a JSON list, as that of the step `configure`.
    """

    name: ClassVar[StepName] = StepName.LIVE
    needs: ClassVar[tuple[str, ...]] = ("mksquashfs", "mount", "rsync", "umount")
    neutral: ClassVar[tuple[str, ...]] = ("scratch", "journal", "mounts")

    root: Path
    scratch: Scratch
    layer: Path
    target: Path
    live: LiveSettings
    compression: Compression
    source_date_epoch: int
    journal: Path
    mounts: ExitStack
    added: Installation | None = None
    keep: tuple[str, ...] = ()
    installer: Installer = Installer.NONE

    def run(self, system: System) -> None:
        """Make it. Raises StepError where a rule cannot be applied, HostError without space."""
        self.mounts.enter_context(seal(self.root, system, clock=self.source_date_epoch))
        journal = Journal()
        with self.scratch.opened(system) as place:
            if self.added is not None:
                self._add(self.added, place, journal, system)
            tree = Tree(place, clock=self.source_date_epoch, record=journal.record)
            self._applying(tree, journal, system).apply(session.rules_with(self.installer))
            layer = Layer(below=self.root, made=place, target=self.layer)
            layer.write(change.path for change in journal.changes)
        journal.write(self.journal)
        self._pack(system)

    def _add(self, added: Installation, place: Path, journal: Journal, system: System) -> None:
        plain = Tree(place, clock=self.source_date_epoch)
        Accounting(installation=added, root=self.root, journal=journal).install(plain, system)
        tree = Tree(
            place,
            clock=self.source_date_epoch,
            record=journal.record,
            keeps=keeper(self.keep),
        )
        self._applying(tree, journal, system).apply(AFTER_PACKAGES)

    def _applying(self, tree: Tree, journal: Journal, system: System) -> Applying:
        def tell(warning: Warned) -> None:
            system.note(warning.message, warning=True, **dict(warning.values))

        return Applying(
            tree=tree,
            live=self.live,
            gone=Gone(source=Tree(self.root), tree=tree, heir=HEIR),
            journal=journal,
            tell=tell,
            progress=system.progress,
        )

    def _pack(self, system: System) -> None:
        self.target.parent.mkdir(parents=True, exist_ok=True)
        sight = Sight(reads=(self.layer,), writes=(self.target.parent,))
        preload = {"LD_PRELOAD": os.fspath(STEADY_STAT)}
        argv = mksquashfs_argv(self.layer, self.target, self.compression)
        system.run(argv, sight=sight, env=preload, logged=False)
