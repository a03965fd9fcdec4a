"""What differs in two ISOs above the system: the live layer, the live stack, and what boots."""

from collections.abc import Iterable, Iterator
from typing import Final

from builder.border.iso_contents import BootFile
from builder.formats.inventory import Entry
from builder.host.diff.files import TYPES, compare_entries, details_of, paired
from builder.host.diff.model import (
    BootFileChange,
    Change,
    LiveDifference,
    LiveFile,
    LiveFileChange,
)
from builder.host.diff.packages import compare_packages
from builder.host.diff.sides import LiveSide

_WHITEOUT: Final = "whiteout"


def compare_live(before: LiveSide | None, after: LiveSide | None) -> LiveDifference | None:
    """Return what differs; None unless both are ISOs."""
    if before is None or after is None:
        return None
    files = stack = None
    if before.files is not None and after.files is not None:
        files = tuple(_files(before.files.entries(), after.files.entries()))
    if before.stack is not None and after.stack is not None:
        stack = compare_packages(before.stack, after.stack)
    return LiveDifference(
        files=files, stack=stack, boot_files=tuple(_boot_files(before.boots, after.boots))
    )


def _files(before: Iterable[Entry], after: Iterable[Entry]) -> Iterator[LiveFileChange]:
    for old, new in paired(before, after):
        found = compare_entries(old, new)
        if found is None:
            continue
        hides = any(each is not None and each.is_whiteout for each in (old, new))
        yield LiveFileChange(
            path=found.path,
            change=found.change,
            what=found.what,
            before=_file(old),
            after=_file(new),
            details=() if hides else details_of(found, old, new),
        )


def _file(entry: Entry | None) -> LiveFile | None:
    if entry is None:
        return None
    kind = _WHITEOUT if entry.is_whiteout else TYPES[entry.type]
    return LiveFile(kind=kind, mode=entry.mode, size=entry.size)


def _boot_files(before: Iterable[BootFile], after: Iterable[BootFile]) -> Iterator[BootFileChange]:
    old, new = ({each.path: each for each in side} for side in (before, after))
    for path in sorted(old.keys() | new.keys()):
        one, other = old.get(path), new.get(path)
        if one != other:
            change = Change.ADDED if one is None else Change.REMOVED
            yield BootFileChange(
                path=path,
                change=change if one is None or other is None else Change.CHANGED,
                size_before=one.size if one else 0,
                size_after=other.size if other else 0,
            )
