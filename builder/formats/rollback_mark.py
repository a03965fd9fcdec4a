"""The mark at the top of a system that is being rolled back, and until then is half and half.

The command reads it on the host, so that it goes on with the snapshot that it began with; a backup
reads it in its container, and copies no such system.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.regular import emptied_regular, read_whole

MARK: Final = ".distroclone-builder-rolling-back"
_LONGEST: Final = 512  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a system is being rolled back to."""

    snapshot: str  # the UUID
    asked: str  # as somebody named it: "latest", which may mean another one by now


def goal_of(root: Path) -> Goal | None:
    """Return what the system at `root` is being rolled back to; None where no rollback began.

    A mark that cannot be read means no snapshot: any may be chosen. Raises no OSError.
    """
    if not os.path.lexists(root / MARK):
        return None
    try:
        text = read_whole(root / MARK, limit=_LONGEST).decode("utf-8", "replace")
    except OSError:
        text = ""
    snapshot, _end, asked = text.removesuffix("\n").partition("\n")
    return Goal(snapshot=snapshot, asked=asked)


def put_mark(root: Path, goal: Goal) -> None:
    """Put it there, on the disk, whole or not at all. Raises OSError."""
    draft = root / f"{MARK}.new"
    descriptor = emptied_regular(draft, mode=0o644)
    try:
        os.write(descriptor, f"{goal.snapshot}\n{goal.asked}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.replace(root / MARK)
    _sync(root)


def take_mark(root: Path) -> None:
    """Take it away. Raises OSError."""
    (root / MARK).unlink()
    _sync(root)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
