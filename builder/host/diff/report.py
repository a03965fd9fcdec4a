"""A comparison as titles, words and tables: what every form of the report shows.

All text in it is printable; each form still has to escape what means something in it.
"""

from typing import Final

from builder.basics.printable import printable, short
from builder.basics.sizes import readable_size
from builder.basics.texts import say
from builder.host.diff.live_report import live_sections
from builder.host.diff.model import FileChange, SideFacts, SystemDifference
from builder.host.diff.words import (
    LONGEST_PATH,
    MARKS,
    count_packages,
    counts_of,
    largest,
    marked,
    package_of,
    place_of,
    row,
    signed_size,
    versions_of,
)
from builder.host.report.sections import Column, Section

_LARGEST: Final = 15  # rows of what is sorted by size


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
    parts += [_files(difference), _config(difference), *live_sections(difference.live)]
    return tuple(part for part in parts if part.words or part.rows)


def _compared(difference: SystemDifference) -> Section:
    before, after = _facts(difference.before), _facts(difference.after)
    rows = [
        row(name, old, new)
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
            row(each.name, each.before or "-", each.after or "-") for each in difference.settings
        ),
    )


def _packages(difference: SystemDifference) -> Section:
    changes = difference.packages
    return Section(
        name="packages",
        title=say("Packages"),
        words=count_packages(changes),
        columns=(
            Column(title=""),
            Column(title=say("PACKAGE")),
            Column(title=say("VERSION")),
            Column(title=say("GROWTH"), number=True),
        ),
        rows=tuple(
            row(mark, package_of(each), versions_of(each), signed_size(each.growth))
            for mark, each in marked(changes)
        ),
    )


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
            row(
                short(place_of(each), longest=LONGEST_PATH),
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
            row(package_of(each), signed_size(each.growth))
            for each in largest(difference.packages.all, most=_LARGEST)
        ),
    )


def _files(difference: SystemDifference) -> Section:
    words = say(
        "{added} added, {removed} removed, {changed} changed", **counts_of(difference.files)
    )
    if difference.by_build:
        words += "; " + say(
            "{count} of them are changes that every build makes",
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
            row(MARKS[each.change], _path(each), signed_size(each.growth))
            for each in largest(difference.files, most=_LARGEST)
        ),
    )


def _config(difference: SystemDifference) -> Section:
    changes = difference.config
    rows = tuple(
        row(MARKS[each.change], _path(each), ", ".join(each.what), details=each.details)
        for each in changes
    )
    return Section(
        name="config",
        title=say("Configuration"),
        words=say(
            "{added} added, {removed} removed, {changed} changed below /etc", **counts_of(changes)
        ),
        columns=(Column(title=""), Column(title=say("FILE")), Column(title=say("CHANGED"))),
        rows=rows,
    )


def _path(change: FileChange) -> str:
    return short(change.path, longest=LONGEST_PATH)
