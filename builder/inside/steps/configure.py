"""Makes the copy anonymous: removes the source's identity and secrets."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from builder.border.step_names import StepName
from builder.formats.recipe import LiveSettings
from builder.inside.leftovers.gone import HEIR, Gone
from builder.inside.rules import RULES
from builder.inside.rules.applying import Applying, Journal, explained
from builder.inside.rules.concerns import concerns
from builder.inside.rules.rule import Warned
from builder.inside.selection.keeping import keeper
from builder.inside.system.system import System
from builder.inside.tree.tree import Tree

_ANYBODY: Final = LiveSettings()  # the system is the same whoever is to use it live


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigureStep:
    """Apply every rule for the system (`builder.inside.rules`) to the tree at `root`.

    The tree is a copy of `source`. Files are dated `source_date_epoch` (seconds since 1970).
    `journal` becomes a JSON list of {"path", "change": "added" | "changed" | "removed", "rule"}, in
    the order of the changes. What the patterns in `keep` match is neither removed nor emptied,
    whatever the rules say.
    """

    name: ClassVar[StepName] = StepName.CONFIGURE
    needs: ClassVar[tuple[str, ...]] = ()
    neutral: ClassVar[tuple[str, ...]] = ("journal",)

    root: Path
    source: Path
    keep: tuple[str, ...] = ()
    source_date_epoch: int
    journal: Path

    def run(self, system: System) -> None:
        """Apply the rules. Raises StepError where one cannot be applied."""
        journal = Journal()
        tree = Tree(
            self.root,
            clock=self.source_date_epoch,
            record=journal.record,
            keeps=keeper(self.keep),
        )

        def tell(warning: Warned) -> None:
            system.note(warning.message, warning=True, **dict(warning.values))

        Applying(
            tree=tree,
            live=_ANYBODY,
            gone=Gone(source=Tree(self.source), tree=tree, heir=HEIR),
            journal=journal,
            tell=tell,
            progress=system.progress,
        ).apply(RULES)
        with explained("concerns"):
            warned = concerns(tree)
        for each in warned:
            tell(each)
        journal.write(self.journal)
