"""What is recorded of a cache's tree when it is kept, so that `check` can compare it later.

Format 1: the SHA-256 of each entry's path, inode, mode, owner, group, size, time of modification
and time of change, folder by folder, in the order of names. The time of change, which nobody can
set, stands for contents and attributes. A snapshot has all of these from the tree that it is made
of.
"""

import hashlib
import os
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Final

from builder.inside.linux.btrfs import is_subvolume_stub
from builder.inside.source.scan import SNAPSHOTS
from builder.inside.source.unfinished import MARK

FORMAT: Final = "1:"
_DIGITS: Final = 32  # of 64: it is against accidents, and lines of snapper stay short
_FIELDS: Final = struct.Struct("<QLLLqqq")  # inode, mode, uid, gid, size, mtime, ctime (ns)
_LEFT_OUT: Final = (os.fsencode(SNAPSHOTS), os.fsencode(MARK))  # at the top, where both come and go
_BLOCK: Final = 512  # bytes; st_blocks is in these, stat(2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A tree as it is kept."""

    tree: str  # "1:0123…"; "" for one that cannot be read to its end
    size: int  # bytes that it takes, hard links counted once, without other file systems


def record_tree(root: Path) -> Recorded:
    """Walk through the tree at `root` once, and return what is recorded of it."""
    digest, blocks, linked = hashlib.sha256(), 0, set[int]()
    top = os.lstat(root)
    digest.update(_FIELDS.pack(0, top.st_mode, top.st_uid, top.st_gid, 0, 0, 0))
    whole = True
    for folder in _folders(os.fsencode(root), top.st_dev):
        if folder is None:
            whole = False
            continue
        lines = []
        for path, status in folder:
            inner = status.st_dev == top.st_dev and not is_subvolume_stub(status)
            lines.append(path + b"\0" + (_packed(status) if inner else b"another"))
            if inner and (status.st_nlink == 1 or status.st_ino not in linked):
                blocks += status.st_blocks
                if status.st_nlink > 1:
                    linked.add(status.st_ino)
        digest.update(b"".join(lines))
    tree = f"{FORMAT}{digest.hexdigest()[:_DIGITS]}" if whole else ""
    return Recorded(tree=tree, size=blocks * _BLOCK)


def _packed(status: os.stat_result) -> bytes:
    return _FIELDS.pack(
        status.st_ino,
        status.st_mode,
        status.st_uid,
        status.st_gid,
        # Of a folder, a snapshot has another one if a subvolume was in it.
        0 if stat.S_ISDIR(status.st_mode) else status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def _folders(top: bytes, device: int) -> Iterator[list[tuple[bytes, os.stat_result]] | None]:
    """Yield what is in each folder on the file system, by name; None for one that is unreadable."""
    waiting = [b""]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(top + b"/" + folder) as scanned:
                entries = sorted(scanned, key=attrgetter("name"))
            found = [
                (folder + each.name, each.stat(follow_symlinks=False))
                for each in entries
                if folder or each.name not in _LEFT_OUT
            ]
        except OSError:
            yield None
            continue
        yield found
        waiting += [
            path + b"/"
            for path, status in found
            if stat.S_ISDIR(status.st_mode) and status.st_dev == device
        ]
