"""The problems of a config: each with its location, reported together."""

from dataclasses import dataclass, field
from typing import Final

from builder.basics.errors import UsageError
from builder.basics.printable import printable_lines
from builder.basics.texts import say

MOST_SHOWN: Final = 200  # a file of the wrong kind could have a problem in each line


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Location:
    """Where a value was written: a line and column of a file, or (without them) a flag."""

    line: int = 0  # from 1; 0 for a flag
    column: int = 0  # in characters, from 1
    source: str  # the file as the user named it, or the flag

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source


@dataclass(slots=True)
class Problems:
    """Collects problems; nothing is raised before all are known."""

    _found: list[tuple[Location, str]] = field(default_factory=list)

    def add(self, place: Location, template: str, **values: object) -> None:
        """Add one problem; `template` and `values` as in `builder.basics.texts`."""
        self._found.append((place, say(template, **values)))

    def add_error(self, place: Location, error: UsageError) -> None:
        """Add the error that a check raised, with its hint."""
        message = f"{error}. {error.advice}" if error.advice else str(error)
        self._found.append((place, message))

    def raise_if_any(self) -> None:
        """Raise `error()` if there are any problems."""
        if self._found:
            raise self.error()

    def error(self) -> UsageError:
        """Return one error that lists all problems, by line and column."""
        ordered = sorted(self._found, key=lambda problem: problem[0])
        lines = [f"{place}: {message}" for place, message in ordered[:MOST_SHOWN]]
        if (hidden := len(ordered) - MOST_SHOWN) > 0:
            lines.append(say("… and {count} more", count=hidden))
        return UsageError(
            "Invalid configuration:\n{problems}",
            hint="Correct what is named there. docs/build.yaml has an example of every setting.",
            problems=printable_lines("\n".join(lines)),
        )
