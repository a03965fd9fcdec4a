"""Keeps the state of a cache's tree in a numbered snapshot, as snapper has them.

Snapshot and info.xml are made in a folder beside the numbers, which gets its number when both are
whole and on the disk: no reader ever sees half of one. A read-only snapshot itself cannot be moved.
"""

import os
import re
from pathlib import Path
from typing import Final

from builder.basics.errors import StepError
from builder.basics.signals import undoing
from builder.border.labels import frozen_name
from builder.inside.backup.cache import Cache
from builder.inside.backup.folders import (
    INFO,
    SNAPSHOT,
    remove_staged,
    sync_folder,
    write_atomically,
)
from builder.inside.backup.records import Record, info_text
from builder.inside.linux.renaming import rename_to_free
from builder.inside.source.freeze import snapshot_read_only
from builder.inside.source.scan import SNAPSHOTS
from builder.inside.system.system import System

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}")
_LARGEST: Final = 999_999_999  # of nine digits, as every reader expects
_ATTEMPTS: Final = 20


def keep(cache: Cache, record: Record, *, run: str, system: System) -> int:
    """Make the snapshot of the tree as it is now, and return its number.

    Raises StepError, without leaving anything, where that is not possible.
    """
    staged = cache.snapshots / frozen_name(run)
    staged.mkdir(mode=0o755)
    with undoing(lambda: _remove(staged, system=system)):
        snapshot_read_only(cache.rootfs, staged / SNAPSHOT, system=system)
        for _attempt in range(_ATTEMPTS):  # snapper may be making one as well
            number = next_number(cache.snapshots)
            if number > _LARGEST:
                break
            text = info_text(record, number=number)
            write_atomically(staged / INFO, text, draft=staged / f"{INFO}.draft")
            if _numbered(staged, cache.snapshots / str(number)):
                sync_folder(cache.snapshots)
                return number
        raise StepError(
            "No number is free for a new snapshot",
            hint="Something else makes snapshots of this cache without end, or a folder in {name} "
            "has the number {largest}: remove what has it.",
            name=SNAPSHOTS,
            largest=_LARGEST,
        )


def next_number(snapshots: Path) -> int:
    """Return the number after the highest one, which snapper never gives twice."""
    taken = [int(name) for name in os.listdir(snapshots) if _NUMBER.fullmatch(name)]  # noqa: PTH208
    return max(taken, default=0) + 1


def _numbered(staged: Path, target: Path) -> bool:
    """Give a staged snapshot its number; false where something has that by now."""
    try:
        rename_to_free(staged, target)
    except FileExistsError:
        return False
    return True


def _remove(staged: Path, *, system: System) -> None:
    if staged.is_dir():
        remove_staged(staged, system=system)
