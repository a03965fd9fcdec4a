"""Folders of snapshots, and names that are on the disk when they are there."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from builder.border.cache_report import Problem
from builder.border.labels import is_frozen_name
from builder.inside.linux.btrfs import subvolume
from builder.inside.source.snapper import read_info
from builder.inside.source.snapshots import is_routine
from builder.inside.system.system import System

SNAPSHOT: Final = "snapshot"
INFO: Final = "info.xml"
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}")
_LISTS: Final = re.compile(r"filelist-[0-9]{1,9}\.txt(?:\.gz)?")  # snapper's comparisons


def subvolumes_in(folder: Path) -> Iterator[Path]:
    """Yield the subvolumes where snapshots are, in a folder of them: whatever they are."""
    if folder.is_symlink() or not folder.is_dir():
        return
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink() or not entry.is_dir():
            continue
        for each in (entry, entry / SNAPSHOT):
            if subvolume(each) is not None:
                yield each


def is_staged(path: Path) -> bool:
    """Whether a subvolume is a snapshot of ours that has no number yet."""
    return path.name == SNAPSHOT and is_frozen_name(path.parent.name)


def remove_staged(folder: Path, *, system: System) -> None:
    """Remove a snapshot that has no number yet, with its folder."""
    for entry in sorted(folder.iterdir()):
        if subvolume(entry) is not None:
            system.run(["btrfs", "subvolume", "delete", str(entry)])
        else:
            entry.unlink()
    folder.rmdir()


def clear_folder(folder: Path) -> None:
    """Remove the folder of a numbered snapshot that is gone; what is not snapper's stays."""
    for entry in sorted(folder.iterdir()):
        if _LISTS.fullmatch(entry.name):
            entry.unlink()
    (folder / INFO).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def is_half_deleted(folder: Path) -> bool:
    """Whether it describes a snapshot that a backup made, and that is gone."""
    if not _NUMBER.fullmatch(folder.name) or os.path.lexists(folder / SNAPSHOT):
        return False
    info = read_info(folder / INFO, number=int(folder.name))
    return not isinstance(info, Problem) and is_routine(info)


def write_atomically(path: Path, text: str, *, draft: Path) -> None:
    """Give `path` that content at once, and wait until it is on the disk. Raises OSError."""
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    try:
        os.fchmod(descriptor, 0o644)
        os.write(descriptor, text.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
