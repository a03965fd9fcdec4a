"""What only a live session gets, as sections of the report."""

from collections.abc import Callable, Iterator
from typing import Final

from builder.basics.printable import short
from builder.basics.sizes import readable_size
from builder.basics.texts import say
from builder.host.diff.model import (
    BootFileChange,
    LiveDifference,
    LiveFile,
    LiveFileChange,
    PackageChanges,
)
from builder.host.diff.words import (
    LONGEST_PATH,
    MARKS,
    count_packages,
    counts_of,
    marked,
    package_of,
    row,
    signed_size,
    versions_of,
)
from builder.host.report.sections import Column, Section

_WITH_MODE: Final = frozenset({"file", "directory", "FIFO", "socket"})


def live_sections(difference: LiveDifference | None) -> Iterator[Section]:
    """Yield them; none of what is not known of both sides."""
    if difference is None:
        return
    if difference.files is not None:
        yield _files(difference.files)
    if difference.stack is not None:
        yield _stack(difference.stack)
    yield _boot_files(difference.boot_files)


def _files(changes: tuple[LiveFileChange, ...]) -> Section:
    return Section(
        name="live-files",
        title=say("What only the live session has"),
        words=say(
            "{added} added, {removed} removed, {changed} changed in the layer above the system",
            **counts_of(changes),
        ),
        columns=(
            Column(title=""),
            Column(title=say("FILE")),
            Column(title=say("KIND")),
            Column(title=say("MODE")),
            Column(title=say("SIZE")),
            Column(title=say("CHANGED")),
        ),
        rows=tuple(
            row(
                MARKS[each.change],
                short(each.path, longest=LONGEST_PATH),
                _both(each, lambda file: file.kind),
                _both(each, _mode),
                _both(each, _size),
                ", ".join(each.what),
                details=each.details,
            )
            for each in changes
        ),
    )


def _stack(changes: PackageChanges) -> Section:
    return Section(
        name="live-stack",
        title=say("What each initramfs is made with"),
        words=count_packages(changes),
        columns=(
            Column(title=""),
            Column(title=say("PACKAGE")),
            Column(title=say("VERSION")),
        ),
        rows=tuple(
            row(mark, package_of(each), versions_of(each)) for mark, each in marked(changes)
        ),
    )


def _boot_files(changes: tuple[BootFileChange, ...]) -> Section:
    return Section(
        name="boot-files",
        title=say("Kernels and initramfs"),
        words=say("{added} added, {removed} removed, {changed} changed", **counts_of(changes)),
        columns=(
            Column(title=""),
            Column(title=say("FILE")),
            Column(title=say("SIZE")),
            Column(title=say("GROWTH"), number=True),
        ),
        rows=tuple(
            row(
                MARKS[each.change],
                short(each.path, longest=LONGEST_PATH),
                _arrow(
                    *(readable_size(size) for size in (each.size_before, each.size_after) if size)
                ),
                signed_size(each.growth),
            )
            for each in changes
        ),
    )


def _both(change: LiveFileChange, of: Callable[[LiveFile], str]) -> str:
    return _arrow(*(of(each) for each in (change.before, change.after) if each is not None))


def _arrow(*values: str) -> str:
    """Return "before → after", or the one value that there is."""
    return " → ".join(dict.fromkeys(value for value in values if value))


def _mode(file: LiveFile) -> str:
    return f"{file.mode:04o}" if file.kind in _WITH_MODE else ""


def _size(file: LiveFile) -> str:
    return readable_size(file.size) if file.kind == "file" else ""
