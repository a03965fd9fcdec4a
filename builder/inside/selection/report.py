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

    Sizes are of what `lstat` shows; what cannot be read counts as far as it can.
    """
    rules, budget, found = FilterRules(tree.rules), _MOST, []
    top = os.fsencode(tree.root)
    for path in survey.left_out:
        size, entries, whole = _counted(top + path, most=min(budget, _MOST_EACH))
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
    """Return what of `survey` is in places of hand-installed programs, sorted; empty ones not."""
    places = {*_PLACES, *_children(survey, _OPTIONAL)}
    found = (_stayed(tree, survey, place) for place in sorted(places))
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


def _stayed(tree: SourceTree, survey: Survey, place: str) -> Stayed | None:
    """Return the sum of a place; None if there are only folders and links in it."""
    paths = (os.fsencode(place), *_below(survey, place))
    files = size = 0
    for path in paths:
        try:
            status = os.lstat(os.fsencode(tree.root) + path)
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            files, size = files + 1, size + _size(status)
    return Stayed(path=place, size=size, entries=len(paths)) if files else None


def _named(section: str, path: bytes) -> str:
    return "boot-files" if section == "data" and path.startswith(b"/boot/") else section


def _is_directory(real: bytes) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(real).st_mode)
    except OSError:
        return False


def _counted(top: bytes, *, most: int) -> tuple[int, int, bool]:
    """Return the bytes and the entries at and below `top`, and whether that is all."""
    size = entries = 0
    linked: set[tuple[int, int]] = set()
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
        if stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) not in linked:
            size += _size(status)
            if status.st_nlink > 1:
                linked.add((status.st_dev, status.st_ino))
    return size, entries, whole


def _entries(directory: bytes, *, most: int) -> list[bytes]:
    """Return paths in a directory, one more than `most` at most."""
    with os.scandir(directory) as listed:
        return [entry.path for entry, _number in zip(listed, range(most + 1), strict=False)]


def _size(status: os.stat_result) -> int:
    return min(status.st_size, status.st_blocks * 512)
