"""How numbers and changes of a comparison read, in every form of the report."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeVar

from builder.basics.printable import printable, short
from builder.basics.sizes import readable_size
from builder.basics.texts import say
from builder.host.diff.model import (
    BootFileChange,
    Change,
    FileChange,
    Growth,
    LiveFileChange,
    PackageChange,
    PackageChanges,
)
from builder.host.report.sections import Row

MARKS: Final = {Change.ADDED: "+", Change.REMOVED: "-", Change.CHANGED: "*"}
LONGEST_PATH: Final = 500  # characters
_USUAL: Final = ("amd64", "all", "")  # architectures that nobody needs to hear of

Sized = TypeVar("Sized", PackageChange, FileChange)


def signed_size(count: int) -> str:
    """Return a growth as people read it, e.g. "+1.4 GiB"; "0" for none."""
    if count == 0:
        return "0"
    return f"{'+' if count > 0 else '-'}{readable_size(abs(count))}"


def place_of(growth: Growth) -> str:
    """Return which part of the tree it is: "/usr/lib", or "/usr/lib (rest)"."""
    path = printable(growth.path)
    return say("{path} (rest)", path=path) if growth.rest else path


def package_of(change: PackageChange) -> str:
    """Return the package's name, with the architecture where that is not the usual one."""
    name = short(change.name)
    return name if change.architecture in _USUAL else f"{name}:{short(change.architecture)}"


def versions_of(change: PackageChange) -> str:
    """Return its version, or both."""
    return " → ".join(short(each) for each in (change.before, change.after) if each)


def counts_of(changes: Iterable[FileChange | LiveFileChange | BootFileChange]) -> Mapping[str, int]:
    """Return how many were added, removed and changed, by these words."""
    counted = Counter(each.change for each in changes)
    return {change.value: counted[change] for change in Change}


def count_packages(changes: PackageChanges) -> str:
    """Return how many came, went or have another version."""
    return say(
        "{added} added, {removed} removed, {upgraded} upgraded, {downgraded} downgraded",
        added=len(changes.added),
        removed=len(changes.removed),
        upgraded=len(changes.upgraded),
        downgraded=len(changes.downgraded),
    )


def marked(changes: PackageChanges) -> Iterator[tuple[str, PackageChange]]:
    """Yield each change with its mark."""
    for mark, group in (
        ("+", changes.added),
        ("-", changes.removed),
        ("↑", changes.upgraded),
        ("↓", changes.downgraded),
    ):
        for each in group:
            yield mark, each


def row(*cells: str, details: tuple[str, ...] = ()) -> Row:
    """Return a row of which nothing can do anything to a terminal, whoever wrote it."""
    return Row(
        cells=tuple(printable(cell) for cell in cells),
        details=tuple(printable(line) for line in details),
    )


def largest(changes: Iterable[Sized], *, most: int) -> list[Sized]:
    """Return those by which the system grew or shrank most, the largest first."""
    grown = (each for each in changes if each.growth)
    return sorted(grown, key=lambda each: -abs(each.growth))[:most]
