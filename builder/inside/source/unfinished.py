"""The mark in a cache's tree while a backup writes to it, and after one that did not finish.

It lies inside the tree, so a snapshot of a half-written tree has it too, whoever made that. Another
program's backup deletes it first, as anything else that the system does not have.
"""

import os
from pathlib import Path
from typing import Final

from builder.basics.regular import emptied_regular, read_whole
from builder.border.cache_report import Problem

MARK: Final = ".distroclone-builder-unfinished"
_LONGEST: Final = 64  # bytes


def is_unfinished(root: Path) -> bool:
    """Whether a backup into the tree at `root` has begun and not finished."""
    return os.path.lexists(root / MARK)


def began(root: Path) -> int | None:
    """Return when that backup began, in seconds since 1970; None without the mark, or a reading."""
    try:
        return int(read_whole(root / MARK, limit=_LONGEST))
    except (OSError, ValueError):
        return None


def mark(root: Path, *, now: int) -> None:
    """Put the mark into the tree, and wait until it is on the disk. Raises OSError."""
    descriptor = emptied_regular(root / MARK, mode=0o644)
    try:
        os.write(descriptor, b"%d\n" % now)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unmark(root: Path) -> None:
    """Take the mark away. Raises OSError."""
    (root / MARK).unlink()


def unfinished_problem() -> Problem:
    """Return why such a tree cannot be built."""
    return Problem(
        message="a backup is being written into it, or did not finish",
        hint="Wait for it, or run `distroclone-builder backup` again; snapshots of earlier "
        "backups are as good as before.",
    )
