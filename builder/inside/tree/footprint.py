"""Finds what a program changed in a tree, by comparing every entry before and after it ran."""

import os
import stat
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from builder.formats.changes import Change

Entries = Mapping[bytes, tuple[int, ...]]

_OF_DIRECTORY: Final = 4  # how many facts


def entries(root: bytes) -> dict[bytes, tuple[int, ...]]:
    """Return the metadata of every entry below `root`, by path.

    Any change to a file sets its ctime, which cannot be set back. The ctime of a directory is
    ignored: it changes with the names in it, which are entries themselves.
    """
    found = {b"": _facts(os.lstat(root))}
    waiting = [b""]
    while waiting:
        above = waiting.pop()
        with os.scandir(root + (above or b"/")) as listed:
            for entry in listed:
                path, status = above + b"/" + entry.name, entry.stat(follow_symlinks=False)
                found[path] = _facts(status)
                if stat.S_ISDIR(status.st_mode):
                    waiting.append(path)
    return found


def changes(before: Entries, after: Entries) -> Iterator[tuple[Change, bytes]]:
    """Yield what happened to each path that is not as it was, sorted by path."""
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old is None:
            yield Change.ADDED, path
        elif new is None:
            yield Change.REMOVED, path
        elif old != new:
            yield Change.CHANGED, path


def touched(before: Entries, after: Entries, *, made: Collection[bytes]) -> tuple[bytes, ...]:
    """Return the directories whose time changed, ignoring the files `made`.

    Raises ValueError, naming the path, for any other change.
    """
    found = []
    for path in sorted((before.keys() | after.keys()) - set(made)):
        old, new = before.get(path), after.get(path)
        if old == new:
            continue
        if old is None or new is None or len(old) != _OF_DIRECTORY or old[:-1] != new[:-1]:
            message = os.fsdecode(path)
            raise ValueError(message)
        found.append(path)
    return tuple(found)


def _facts(status: os.stat_result) -> tuple[int, ...]:
    owned = (status.st_mode, status.st_uid, status.st_gid)
    if stat.S_ISDIR(status.st_mode):
        return (*owned, status.st_mtime_ns)
    return (*owned, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_nlink)
