"""Makes the live layer: what a live system has above the system, and an installed one has not."""

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from builder.border.step_names import StepName
from builder.formats.recipe import Compression, LiveSettings
from builder.inside import session
from builder.inside.blocks.mksquashfs import STEADY_STAT, mksquashfs_argv
from builder.inside.layers.layer import Layer
from builder.inside.layers.scratch import Scratch
from builder.inside.leftovers.gone import HEIR, Gone
from builder.inside.rules.applying import Applying, Journal
from builder.inside.rules.rule import Warned
from builder.inside.system.system import Sight, System
from builder.inside.tree.sealed import seal
from builder.inside.tree.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveStep:
    """Apply every rule for the live system to a scratch root, and pack what changed to `target`.

    What changed is also in the new directory `layer`, as overlayfs expects a layer.

    Before, the tree at `root` becomes read-only until `mounts` closes: nothing that runs later can
    change what is packed. Files are dated `source_date_epoch` (seconds since 1970). `journal`
    becomes a JSON list, as that of the step `configure`.
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

    def run(self, system: System) -> None:
        """Make it. Raises StepError where a rule cannot be applied, HostError without space."""
        self.mounts.enter_context(seal(self.root, system, clock=self.source_date_epoch))
        journal = Journal()
        with self.scratch.opened(system) as place:
            tree = Tree(place, clock=self.source_date_epoch, record=journal.record)

            def tell(warning: Warned) -> None:
                system.note(warning.message, warning=True, **dict(warning.values))

            Applying(
                tree=tree,
                live=self.live,
                gone=Gone(source=Tree(self.root), tree=tree, heir=HEIR),
                journal=journal,
                tell=tell,
                progress=system.progress,
            ).apply(session.RULES)
            layer = Layer(below=self.root, made=place, target=self.layer)
            layer.write(change.path for change in journal.changes)
        journal.write(self.journal)
        self._pack(system)

    def _pack(self, system: System) -> None:
        self.target.parent.mkdir(parents=True, exist_ok=True)
        sight = Sight(reads=(self.layer,), writes=(self.target.parent,))
        preload = {"LD_PRELOAD": os.fspath(STEADY_STAT)}
        argv = mksquashfs_argv(self.layer, self.target, self.compression)
        system.run(argv, sight=sight, env=preload, logged=False)
