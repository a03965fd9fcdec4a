"""What was left out of a tree, and what stayed, by size: from the survey, and a bounded look."""

import bisect
import os
import stat
from collections.abc import Iterator
from typing import Final

from builder.border.privacy import LeftOut, Stayed
from builder.inside.tree.filter_rules import FilterRules
from builder.inside.tree.survey import SourceTree, Survey

_MOST_EACH: Final = 200_000  # entries that are counted below one path
_MOST: Final = 500_000  # and below all
_PLACES: Final = ("/usr/local", "/var/lib/flatpak")
_OPTIONAL: Final = "/opt"  # each folder in it is a program of its own


def left_out_report(tree: SourceTree, survey: Survey) -> tuple[LeftOut, ...]:
    """Return every path that `survey` found to be left out, sorted, with the rule that did it.

    Sizes are of what `lstat` shows; what cannot be read counts as far as it can. A file with
    several names, also in different paths, counts at the first one.
    """
    rules, budget, found, sizes = FilterRules(tree.rules), _MOST, [], _Sizes()
    top = os.fsencode(tree.root)
    for path in survey.left_out:
        size, entries, whole = _counted(top + path, sizes, most=min(budget, _MOST_EACH))
        budget -= entries
        directory = _is_directory(top + path)
        decided = rules.decided_by(path, directory=directory)
        found.append(
            LeftOut(
                path=os.fsdecode(path),
                rule=_named(tree.section_of(decided), path),
                size=size,
                entries=entries,
                whole=whole,
            )
        )
    return tuple(found)


def stayed_report(tree: SourceTree, survey: Survey) -> tuple[Stayed, ...]:
    """Return what of `survey` is in places of hand-installed programs, sorted; empty ones not.

    A file with several names counts at the first one.
    """
    places, sizes = {*_PLACES, *_children(survey, _OPTIONAL)}, _Sizes()
    found = (_stayed(tree, survey, place, sizes) for place in sorted(places))
    return tuple(each for each in found if each is not None)


def _children(survey: Survey, place: str) -> Iterator[str]:
    for path in _below(survey, place):
        if path.count(b"/") == place.count("/") + 1:
            yield os.fsdecode(path)


def _below(survey: Survey, place: str) -> tuple[bytes, ...]:
    first = os.fsencode(place) + b"/"
    after = first[:-1] + b"0"  # the byte after a slash
    start = bisect.bisect_left(survey.paths, first)
    return survey.paths[start : bisect.bisect_left(survey.paths, after)]


def _stayed(tree: SourceTree, survey: Survey, place: str, sizes: "_Sizes") -> Stayed | None:
    """Return the sum of a place; None if there are only folders and links in it."""
    paths = (os.fsencode(place), *_below(survey, place))
    files = size = 0
    for path in paths:
        try:
            status = os.lstat(os.fsencode(tree.root) + path)
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            files, size = files + 1, size + sizes.of(status)
    return Stayed(path=place, size=size, entries=len(paths)) if files else None


def _named(section: str, path: bytes) -> str:
    return "boot-files" if section == "data" and path.startswith(b"/boot/") else section


def _is_directory(real: bytes) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(real).st_mode)
    except OSError:
        return False


def _counted(top: bytes, sizes: "_Sizes", *, most: int) -> tuple[int, int, bool]:
    """Return the bytes and the entries at and below `top`, and whether that is all."""
    size = entries = 0
    waiting, whole = [top], True
    while waiting:
        if entries >= most:
            return size, entries, False
        path = waiting.pop()
        try:
            status = os.lstat(path)
            if stat.S_ISDIR(status.st_mode):
                waiting += _entries(path, most=most - entries)
        except OSError:
            whole = False
            continue
        entries += 1
        if stat.S_ISREG(status.st_mode):
            size += sizes.of(status)
    return size, entries, whole


def _entries(directory: bytes, *, most: int) -> list[bytes]:
    """Return paths in a directory, one more than `most` at most."""
    with os.scandir(directory) as listed:
        return [entry.path for entry, _number in zip(listed, range(most + 1), strict=False)]


class _Sizes:
    """Counts the bytes of files, each once, whatever its names."""

    def __init__(self) -> None:
        self._linked: set[tuple[int, int]] = set()

    def of(self, status: os.stat_result) -> int:
        """Return the bytes on the disk of a file that was not counted; 0 for one that was."""
        if status.st_nlink > 1:
            inode = (status.st_dev, status.st_ino)
            if inode in self._linked:
                return 0
            self._linked.add(inode)
        return min(status.st_size, status.st_blocks * 512)
