"""Finds what differs between a tree and what was made of it.

A time alone is no difference, and neither is another inode: a file that was written again with the
same bytes is the same. So the answer does not depend on how the second tree was staged.
"""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.regular import open_regular
from builder.formats.changes import Change
from builder.inside.linux.xattrs import xattr_names

_CHUNK: Final = 1 << 20
_CAPABILITY: Final = "security.capability"
Difference = tuple[bytes, Change]  # a path from the top, "/etc/hostname"


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeDifference:
    """What makes the tree `made` of the tree `below`; what is `ignored` is the same."""

    below: Path
    made: Path
    ignored: Callable[[bytes], bool]

    def changes(self) -> Iterator[Difference]:
        """Yield each path that differs, sorted, parents first.

        Of a directory that is gone, only it itself is named. What has another type now is removed
        first, and then added.
        """
        yield from self._directory(b"")

    def _directory(self, path: bytes) -> Iterator[Difference]:
        before, after = _entries(self.below, path), _entries(self.made, path)
        for name in sorted({*before, *after}):
            inner = path + b"/" + name
            if not self.ignored(inner):
                yield from self._entry(inner, before.get(name), after.get(name))

    def _entry(
        self, path: bytes, before: os.stat_result | None, after: os.stat_result | None
    ) -> Iterator[Difference]:
        if before is not None and after is not None and _same_type(before, after):
            if self._differs(path, before, after):
                yield path, Change.CHANGED
            if stat.S_ISDIR(after.st_mode):
                yield from self._directory(path)
            return
        if before is not None:
            yield path, Change.REMOVED
        if after is not None:
            yield from self._added(path, after)

    def _added(self, path: bytes, status: os.stat_result) -> Iterator[Difference]:
        yield path, Change.ADDED
        if stat.S_ISDIR(status.st_mode):
            for name, below in sorted(_entries(self.made, path).items()):
                inner = path + b"/" + name
                if not self.ignored(inner):
                    yield from self._added(inner, below)

    def _differs(self, path: bytes, before: os.stat_result, after: os.stat_result) -> bool:
        old, new = os.fsencode(self.below) + path, os.fsencode(self.made) + path
        if _attributes(before) != _attributes(after) or _capability(old) != _capability(new):
            return True
        if stat.S_ISLNK(after.st_mode):
            return os.readlink(old) != os.readlink(new)  # noqa: PTH115 - a Path has no bytes
        if not stat.S_ISREG(after.st_mode):
            return False
        if before.st_size != after.st_size:
            return True
        # Nobody can give a file that was written the time of change of the one below.
        return before.st_ctime_ns != after.st_ctime_ns and not _same_bytes(old, new)


def _same_type(before: os.stat_result, after: os.stat_result) -> bool:
    return stat.S_IFMT(before.st_mode) == stat.S_IFMT(after.st_mode)


def _attributes(status: os.stat_result) -> tuple[int, ...]:
    return status.st_mode, status.st_uid, status.st_gid, status.st_rdev


def _capability(path: bytes) -> bytes:
    if _CAPABILITY not in xattr_names(path):
        return b""
    return os.getxattr(path, _CAPABILITY, follow_symlinks=False)


def _entries(root: Path, path: bytes) -> dict[bytes, os.stat_result]:
    with os.scandir(os.fsencode(root) + path) as entries:
        return {entry.name: entry.stat(follow_symlinks=False) for entry in entries}


def _same_bytes(old: bytes, new: bytes) -> bool:
    with open_regular(os.fsdecode(old)) as first, open_regular(os.fsdecode(new)) as second:
        while chunk := first.read(_CHUNK):
            if chunk != second.read(_CHUNK):
                return False
        return not second.read(1)
