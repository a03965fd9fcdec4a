"""Applies rules to a tree, one after the other, and records every path that they change."""

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from builder.basics.codec import to_data
from builder.basics.errors import StepError
from builder.formats.changes import Change, ChangedPath
from builder.formats.recipe import LiveSettings
from builder.inside.leftovers.gone import Gone
from builder.inside.rules.rule import Rule, Warned
from builder.inside.tree.tree import Tree


@dataclass(slots=True)
class Journal:
    """Every changed path with the rule that is applied, as it happens."""

    rule: str = ""
    changes: list[ChangedPath] = field(default_factory=list)

    def record(self, change: str, path: str) -> None:
        """Add a change, as `Tree` tells it."""
        self.changes.append(ChangedPath(path=path, change=Change(change), rule=self.rule))

    def write(self, file: Path) -> None:
        """Write a JSON list of {path, change, rule}, in the order of the changes."""
        text = json.dumps(to_data(self.changes), indent=1, ensure_ascii=True)
        file.write_text(f"{text}\n", encoding="ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Applying:
    """How rules are applied to `tree`, whose changes go to `journal`.

    `tell` is called with what the user should know, `progress` with the fraction that is done.
    """

    tree: Tree
    live: LiveSettings
    gone: Gone
    journal: Journal
    tell: Callable[[Warned], None]
    progress: Callable[[float], None]

    def apply(self, rules: Sequence[Rule]) -> None:
        """Apply the rules. Raises StepError where one cannot be applied."""
        for position, rule in enumerate(rules, start=1):
            self.journal.rule = rule.name
            with explained(rule.name):
                warned = rule.apply(self.tree, self.live, self.gone)
            for each in warned:
                self.tell(each)
            self.progress(position / len(rules))


@contextlib.contextmanager
def explained(rule: str) -> Iterator[None]:
    """Turn an OSError of the body into a StepError that names the rule."""
    try:
        yield
    except OSError as error:
        message = "The rule {rule} cannot be applied to the copy: {problem}"
        hint = "Repair that path in the source system: Debian has something else there."
        raise StepError(message, hint=hint, rule=rule, problem=error) from error
