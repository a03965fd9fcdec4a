"""A cache that is written to: locked, and put in order before anything else.

The lock is flock(2) of the cache's base folder, so it is one for all containers and programs of the
machine, and the kernel frees it however its holder ends. DistroClone Backup has no lock.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.errors import HostError, SourceError
from builder.basics.signals import undoing
from builder.border.labels import is_frozen_name
from builder.inside.backup.folders import clear_folder, is_half_deleted, remove_staged
from builder.inside.backup.holding import check_holding
from builder.inside.linux.btrfs import subvolume
from builder.inside.linux.mounts import filesystem_at
from builder.inside.source.scan import META, ROOTFS, SNAPSHOTS
from builder.inside.system.system import System

PATIENCE: Final = 5.0  # seconds: somebody may just be asking whether it is locked
_TICK: Final = 0.1
_SNAPPERS_MODE: Final = 0o750  # of .snapshots: whole systems are in it
_WRITABLE: Final = "Mount the volume for writing, then run the backup again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """A cache that can be written to."""

    base: Path
    rootfs: Path
    snapshots: Path  # snapper's folder, where there are any
    plain: bool = False  # its file system has no snapshots


@contextlib.contextmanager
def locked(base: Path) -> Iterator[None]:
    """Hold the cache's lock. Raises HostError where somebody else holds it."""
    descriptor = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with undoing(lambda: os.close(descriptor)):
        if not _taken(descriptor, fcntl.LOCK_EX, patience=PATIENCE):
            raise HostError(
                "Another backup, or a deletion, is at work in this cache",
                hint="Wait for it: `distroclone-builder backup status` says whether it still is.",
            )
        yield


def is_locked(base: Path) -> bool:
    """Whether somebody writes to the cache right now."""
    descriptor = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with undoing(lambda: os.close(descriptor)):
        return not _taken(descriptor, fcntl.LOCK_SH, patience=0)


def _taken(descriptor: int, kind: int, *, patience: float) -> bool:
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(_TICK)
        else:
            return True


def prepared(base: Path, *, new: bool, system: System) -> Cache:
    """Return the cache at `base`, made where there is none and `new` allows that.

    What interrupted backups left is removed. Call it under the lock. Raises SourceError for what
    cannot be a cache, HostError where nothing can be written.
    """
    if not os.access(base, os.W_OK):
        raise HostError("The cache's volume is mounted read-only", hint=_WRITABLE)
    rootfs = base / ROOTFS
    _check_no_link(rootfs)
    if not os.path.lexists(rootfs) and not new:
        raise _no_cache()
    kind = filesystem_at(rootfs if rootfs.is_dir() else base)
    if kind != "btrfs":
        return _prepared_plain(base, kind=kind, system=system)
    if not os.path.lexists(rootfs):
        system.run(["btrfs", "subvolume", "create", str(rootfs)])
    _check_rootfs(rootfs)
    snapshots = rootfs / SNAPSHOTS
    _prepare_snapshots(snapshots, system=system)
    _tidy(snapshots, system=system)
    meta_draft(base).unlink(missing_ok=True)
    return Cache(base=base, rootfs=rootfs, snapshots=snapshots)


def _prepared_plain(base: Path, *, kind: str, system: System) -> Cache:
    """Return a cache on a file system without snapshots: the tree is a folder, and all there is."""
    rootfs = base / ROOTFS
    if os.path.lexists(rootfs) and not rootfs.is_dir():
        raise SourceError(
            "{name} in the cache is not a folder",
            hint="Move it aside, then run the backup again.",
            name=ROOTFS,
        )
    is_fine = check_holding(base, filesystem=kind)
    system.note(
        "{filesystem} has no snapshots: the cache holds the last backup, and nothing older",
        filesystem=kind,
    )
    if not is_fine:
        system.note(
            "This {filesystem} keeps times to the second alone, so each backup copies every file",
            warning=True,
            filesystem=kind,
        )
    rootfs.mkdir(exist_ok=True)
    meta_draft(base).unlink(missing_ok=True)
    return Cache(base=base, rootfs=rootfs, snapshots=rootfs / SNAPSHOTS, plain=True)


def _no_cache() -> SourceError:
    return SourceError(
        "There is no backup cache in this folder",
        hint="Is its drive mounted? To start a cache there, give --new once.",
    )


def _check_no_link(rootfs: Path) -> None:
    if rootfs.is_symlink():
        raise SourceError(
            "{name} is a link, so it is not written to",
            hint="Give the folder that really holds it with --cache.",
            name=ROOTFS,
        )


def _check_rootfs(rootfs: Path) -> None:
    found = subvolume(rootfs)
    if found is None:
        raise SourceError(
            "{name} is not a btrfs subvolume, so no snapshot of it can be made",
            hint="Move it aside, and start a new cache with --new.",
            name=ROOTFS,
        )
    if found.read_only:
        raise HostError(
            "{name} is a read-only subvolume",
            hint="If it is to be continued, make it writable: `btrfs property set -ts {name} ro "
            "false`.",
            name=ROOTFS,
        )


def _prepare_snapshots(place: Path, *, system: System) -> None:
    """See to it that `.snapshots` is there: a subvolume, as snapper wants it, where possible."""
    if place.is_symlink() or (os.path.lexists(place) and not place.is_dir()):
        raise SourceError(
            "{name} in the cache is not a folder",
            hint="Move it aside, then run the backup again.",
            name=SNAPSHOTS,
        )
    if place.is_dir() and subvolume(place) is None:
        with contextlib.suppress(OSError):  # it holds raw snapshots, which stay where they are
            place.rmdir()
    if not place.is_dir():
        system.run(["btrfs", "subvolume", "create", str(place)])
        place.chmod(_SNAPPERS_MODE)
    elif subvolume(place) is None:
        system.note(
            "{name} is a plain folder, in which snapper does not see snapshots; this program does",
            name=SNAPSHOTS,
        )


def _tidy(snapshots: Path, *, system: System) -> None:
    """Remove what was left by who was killed at making a snapshot, or deleting one."""
    for entry in sorted(snapshots.iterdir()):
        if entry.is_symlink() or not entry.is_dir():
            continue
        if is_frozen_name(entry.name):
            remove_staged(entry, system=system)
        elif is_half_deleted(entry):
            clear_folder(entry)


def meta_draft(base: Path) -> Path:
    """Return where the metadata is written before it gets its name."""
    return base / f"{META}.distroclone-builder"
