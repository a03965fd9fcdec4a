"""A fingerprint of a tree's metadata, to detect changes in a source that is not frozen."""

import hashlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from builder.basics.errors import SourceError
from builder.basics.printable import clean
from builder.inside.linux.btrfs import is_subvolume_stub

# ino, mode, uid, gid, size; mtime and ctime: seconds, nanoseconds. All in nanoseconds, they have
# more than 64 bits from 2262 on, which clocks that are wrong may say.
_FIELDS: Final = struct.Struct("<QLLLqqLqL")
_SECOND: Final = 1_000_000_000  # nanoseconds
_MOST_SHOWN: Final = 200  # characters of a path
_SNAPSHOTS: Final = ".snapshots"


def fingerprint(root: Path) -> str:
    """Return the SHA-256, in hexadecimal, of every entry's path and lstat below `root`.

    `.snapshots` at the top is left out: it contains other whole systems and never gets into the
    ISO. Raises SourceError when something disappears or cannot be read.
    """
    digest = hashlib.sha256()
    try:
        for path, status in _entries(root):
            digest.update(os.fsencode(path) + b"\0")
            digest.update(_packed(status))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceError(
            "The source changed while it was being read: {path} is gone",
            hint="Build again when no backup is running.",
            path=os.fsdecode(error.filename or ""),
        ) from error
    except OSError as error:  # a path of more than 4,096 bytes, a damaged disk
        path = clean(os.fsdecode(error.filename or ""))
        raise SourceError(
            "{path} in the source cannot be read: {reason}",
            hint="Shorten or delete that path in the source system, or check the disk.",
            path=path if len(path) <= _MOST_SHOWN else f"{path[:_MOST_SHOWN]}…",
            reason=error.strerror,
        ) from error
    return digest.hexdigest()


def _packed(status: os.stat_result) -> bytes:
    # The kernel invents the times of a nested subvolume's stub, each time anew.
    times = (0, 0) if is_subvolume_stub(status) else (status.st_mtime_ns, status.st_ctime_ns)
    parts = (part for time in times for part in divmod(time, _SECOND))
    return _FIELDS.pack(
        status.st_ino, status.st_mode, status.st_uid, status.st_gid, status.st_size, *parts
    )


def _entries(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    yield "", root.lstat()
    waiting = [""]
    while waiting:
        directory = waiting.pop()
        with os.scandir(f"{root}/{directory}") as scanned:
            entries = sorted(scanned, key=lambda entry: entry.name)
        for entry in entries:
            path = f"{directory}{entry.name}"
            if path == _SNAPSHOTS:
                continue
            yield path, entry.stat(follow_symlinks=False)
            if entry.is_dir(follow_symlinks=False):
                waiting.append(f"{path}/")
