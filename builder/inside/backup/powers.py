"""Which files of a tree give whoever can reach them more rights than he has.

They are what they should be in a system that runs; in a folder of files to look at, and from
somebody else's snapshot, they are a trap: chmod(2) for the bits, capabilities(7), mknod(2).
"""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from builder.inside.source.scan import SNAPSHOTS

_CAPABILITY: Final = "security.capability"


def powerful_paths(root: Path, paths: Sequence[str]) -> Iterator[str]:
    """Yield the files at and below `paths`, relative to `root`, that run with rights of their own.

    These are set-user-ID and set-group-ID programs, those with capabilities, and devices. Without
    `paths`, everything in the tree is looked at, on its own file system.
    """
    top = os.fsencode(root)
    own, device = os.fsencode(SNAPSHOTS), os.lstat(top).st_dev
    waiting = [b"/" + os.fsencode(each) for each in paths] or [
        b"/" + each
        for each in sorted(os.listdir(top))  # noqa: PTH208 - bytes
        if each != own
    ]
    waiting.reverse()
    while waiting:
        path = waiting.pop()
        status = os.lstat(top + path)
        if is_powerful(top + path, status):
            yield os.fsdecode(path)
        if stat.S_ISDIR(status.st_mode) and status.st_dev == device:
            names = sorted(os.listdir(top + path), reverse=True)  # noqa: PTH208 - bytes
            waiting += [path + b"/" + each for each in names]


def is_powerful(path: bytes, status: os.stat_result) -> bool:
    """Whether a file gives rights, by its lstat(2) and attributes."""
    mode = status.st_mode
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        return not (stat.S_ISCHR(mode) and status.st_rdev == 0)  # a whiteout of an overlay
    if not stat.S_ISREG(mode):
        return False
    if mode & stat.S_ISUID or (mode & stat.S_ISGID and mode & stat.S_IXGRP):
        return True
    if not mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH):
        return False
    return _CAPABILITY in os.listxattr(path, follow_symlinks=False)
