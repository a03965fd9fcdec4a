"""Makes the copy anonymous: removes the source's identity and secrets, adds the live settings."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from builder.basics.codec import to_data
from builder.basics.errors import StepError
from builder.border.step_names import StepName
from builder.formats.changes import Change, ChangedPath
from builder.formats.recipe import LiveSettings
from builder.inside.leftovers.gone import Gone
from builder.inside.rules import RULES
from builder.inside.rules.concerns import concerns
from builder.inside.rules.rule import Rule, Warned
from builder.inside.selection.keeping import keeper
from builder.inside.system.system import System
from builder.inside.tree.tree import Tree


@dataclass(slots=True)
class _Journal:
    """Records every changed path with its rule, as it happens."""

    rule: str = ""
    changes: list[ChangedPath] = field(default_factory=list)

    def record(self, change: str, path: str) -> None:
        self.changes.append(ChangedPath(path=path, change=Change(change), rule=self.rule))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigureStep:
    """Apply every rule of `builder.inside.rules` to the tree at `root`, a copy of `source`.

    Files are dated `source_date_epoch` (seconds since 1970). `journal` becomes a JSON list of
    {"path", "change": "added" | "changed" | "removed", "rule"}, in the order of the changes.
    What the patterns in `keep` match is neither removed nor emptied, whatever the rules say.
    """

    name: ClassVar[StepName] = StepName.CONFIGURE
    needs: ClassVar[tuple[str, ...]] = ()
    neutral: ClassVar[tuple[str, ...]] = ("journal",)

    root: Path
    source: Path
    live: LiveSettings
    keep: tuple[str, ...] = ()
    source_date_epoch: int
    journal: Path

    def run(self, system: System) -> None:
        """Apply the rules. Raises StepError where one cannot be applied."""
        journal = _Journal()
        tree = Tree(
            self.root,
            clock=self.source_date_epoch,
            record=journal.record,
            keeps=keeper(self.keep),
        )
        gone = Gone(source=Tree(self.source), tree=tree, heir=self.live.user)
        for position, rule in enumerate(RULES, start=1):
            journal.rule = rule.name
            _tell(system, _applied(rule, tree, self.live, gone))
            system.progress(position / len(RULES))
        with _explained("concerns"):
            _tell(system, concerns(tree))
        text = json.dumps(to_data(journal.changes), indent=1, ensure_ascii=True)
        self.journal.write_text(f"{text}\n", encoding="ascii")


def _applied(rule: Rule, tree: Tree, live: LiveSettings, gone: Gone) -> tuple[Warned, ...]:
    with _explained(rule.name):
        return rule.apply(tree, live, gone)


@contextlib.contextmanager
def _explained(rule: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = "The rule {rule} cannot be applied to the copy: {problem}"
        hint = "Repair that path in the source system: Debian has something else there."
        raise StepError(message, hint=hint, rule=rule, problem=error) from error


def _tell(system: System, warned: tuple[Warned, ...]) -> None:
    for warning in warned:
        system.note(warning.message, warning=True, **dict(warning.values))
