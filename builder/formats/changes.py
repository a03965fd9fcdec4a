"""What a build did to paths of the copy, and what of that its published files say: counts."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Change(StrEnum):
    """What a build did to a path of the copy."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedPath:
    """A path of the system that differs between the source and the ISO."""

    path: str  # "/etc/machine-id"
    change: Change
    rule: str  # the name of the rule that did it: docs/what-is-left-out.md


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCount:
    """How many changes of one kind a rule made."""

    rule: str
    change: Change
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCount:
    """How often a rule found something."""

    rule: str
    count: int


def count_changes(changes: Iterable[ChangedPath]) -> tuple[ChangeCount, ...]:
    """Return the changes by rule and kind, sorted."""
    found = Counter((each.rule, each.change) for each in changes)
    return tuple(
        ChangeCount(rule=rule, change=change, count=count)
        for (rule, change), count in sorted(found.items())
    )


def count_rules(rules: Iterable[str]) -> tuple[RuleCount, ...]:
    """Return how often each rule is among these, sorted."""
    return tuple(
        RuleCount(rule=rule, count=count) for rule, count in sorted(Counter(rules).items())
    )
