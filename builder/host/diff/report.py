"""A comparison as titles, words and tables: what every form of the report shows.

All text in it is printable; each form still has to escape what means something in it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from builder.basics.printable import printable, short
from builder.basics.sizes import readable_size
from builder.basics.texts import say
from builder.host.diff.model import Change, FileChange, PackageChange, SideFacts, SystemDifference
from builder.host.diff.words import MARKS, largest, package_of, place_of, signed_size, versions_of
from builder.host.report.sections import Column, Row, Section

_LARGEST: Final = 15  # rows of what is sorted by size
_LONGEST_PATH: Final = 500  # characters


def headline(difference: SystemDifference) -> str:
    """Return the report's title."""
    before, after = difference.before, difference.after
    names = [before.name, after.name]
    if before.name == after.name:
        names = [f"{side.name} ({side.taken})" for side in (before, after) if side.taken]
    return " → ".join(printable(name) for name in names) or printable(before.name)


def sections(difference: SystemDifference) -> tuple[Section, ...]:
    """Return the parts of the report in their order."""
    parts = [_compared(difference)]
    if difference.settings:
        parts.append(_settings(difference))
    parts += [_packages(difference), _sizes(difference), _package_sizes(difference)]
    parts += [_files(difference), _config(difference)]
    return tuple(part for part in parts if part.words or part.rows)


def _compared(difference: SystemDifference) -> Section:
    before, after = _facts(difference.before), _facts(difference.after)
    rows = [
        _row(name, old, new)
        for (name, old), (_name, new) in zip(before, after, strict=True)
        if old or new
    ]
    same = say("Both have the same packages and files.")
    return Section(
        name="compared",
        title=say("Compared"),
        words=same if difference.same else "",
        columns=(Column(title=""), Column(title=say("BEFORE")), Column(title=say("AFTER"))),
        rows=tuple(rows),
    )


def _facts(side: SideFacts) -> tuple[tuple[str, str], ...]:
    return (
        (say("Name"), printable(side.name)),
        (say("System"), short(side.system)),
        (say("Taken"), short(side.taken)),
        (say("Kernel"), ", ".join(short(each) for each in side.kernels)),
        (say("Packages"), str(side.packages)),
        (say("Files"), str(side.names)),
        (say("Size of the files"), readable_size(side.size)),
        (say("Size of the ISO"), "" if side.iso_size is None else readable_size(side.iso_size)),
        (say("SHA-256 of the ISO"), side.iso_sha256),
    )


def _settings(difference: SystemDifference) -> Section:
    return Section(
        name="settings",
        title=say("How they were built"),
        columns=(Column(title=""), Column(title=say("BEFORE")), Column(title=say("AFTER"))),
        rows=tuple(
            _row(each.name, each.before or "-", each.after or "-") for each in difference.settings
        ),
    )


def _packages(difference: SystemDifference) -> Section:
    changes = difference.packages
    marked = (
        ("+", changes.added),
        ("-", changes.removed),
        ("↑", changes.upgraded),
        ("↓", changes.downgraded),
    )
    return Section(
        name="packages",
        title=say("Packages"),
        words=say(
            "{added} added, {removed} removed, {upgraded} upgraded, {downgraded} downgraded",
            added=len(changes.added),
            removed=len(changes.removed),
            upgraded=len(changes.upgraded),
            downgraded=len(changes.downgraded),
        ),
        columns=(
            Column(title=""),
            Column(title=say("PACKAGE")),
            Column(title=say("VERSION")),
            Column(title=say("GROWTH"), number=True),
        ),
        rows=tuple(_package_row(mark, each) for mark, group in marked for each in group),
    )


def _package_row(mark: str, change: PackageChange) -> Row:
    return _row(mark, package_of(change), versions_of(change), signed_size(change.growth))


def _sizes(difference: SystemDifference) -> Section:
    growth = difference.after.size - difference.before.size
    return Section(
        name="sizes",
        title=say("Where the size went"),
        words=say(
            "{growth} in total; each file is counted in one row only", growth=signed_size(growth)
        )
        if difference.growth
        else say("No file changed in size."),
        columns=(
            Column(title=say("PART")),
            Column(title=say("BEFORE"), number=True),
            Column(title=say("AFTER"), number=True),
            Column(title=say("GROWTH"), number=True),
        ),
        rows=tuple(
            _row(
                short(place_of(each), longest=_LONGEST_PATH),
                readable_size(each.before),
                readable_size(each.after),
                signed_size(each.growth),
            )
            for each in difference.growth
        ),
    )


def _package_sizes(difference: SystemDifference) -> Section:
    return Section(
        name="package-sizes",
        title=say("Packages that grew or shrank the most"),
        columns=(Column(title=say("PACKAGE")), Column(title=say("GROWTH"), number=True)),
        rows=tuple(
            _row(package_of(each), signed_size(each.growth))
            for each in largest(difference.packages.all, most=_LARGEST)
        ),
    )


def _files(difference: SystemDifference) -> Section:
    words = say("{added} added, {removed} removed, {changed} changed", **_counts(difference.files))
    if difference.by_build:
        words += "; " + say(
            "{count} of them are changes that every build makes for a live system",
            count=difference.by_build,
        )
    if difference.unnamed:
        words += "; " + say(
            "the ISO's build made some of these changes; its private file, which is not beside "
            "the ISO, says which"
        )
    return Section(
        name="files",
        title=say("Files"),
        words=words,
        columns=(
            Column(title=""),
            Column(title=say("GREW OR SHRANK THE MOST")),
            Column(title=say("GROWTH"), number=True),
        ),
        rows=tuple(
            _row(MARKS[each.change], _path(each), signed_size(each.growth))
            for each in largest(difference.files, most=_LARGEST)
        ),
    )


def _config(difference: SystemDifference) -> Section:
    changes = difference.config
    rows = tuple(
        _row(MARKS[each.change], _path(each), ", ".join(each.what), details=each.details)
        for each in changes
    )
    return Section(
        name="config",
        title=say("Configuration"),
        words=say(
            "{added} added, {removed} removed, {changed} changed below /etc", **_counts(changes)
        ),
        columns=(Column(title=""), Column(title=say("FILE")), Column(title=say("CHANGED"))),
        rows=rows,
    )


def _counts(changes: Iterable[FileChange]) -> Mapping[str, int]:
    counted = Counter(each.change for each in changes)
    return {change.value: counted[change] for change in Change}


def _row(*cells: str, details: tuple[str, ...] = ()) -> Row:
    """Return a row of which nothing can do anything to a terminal, whoever wrote it."""
    return Row(
        cells=tuple(printable(cell) for cell in cells),
        details=tuple(printable(line) for line in details),
    )


def _path(change: FileChange) -> str:
    return short(change.path, longest=_LONGEST_PATH)
