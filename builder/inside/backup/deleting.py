"""Deletes snapshots of a cache, in the order that leaves no half ones behind.

First the subvolume, then what describes it, then its folder, as snapper does. Only a snapshot that
is still the subvolume that was chosen goes.
"""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from builder.basics.errors import SourceError
from builder.border import paths
from builder.border.backups import DeleteSnapshotsRequest, SnapshotName
from builder.inside.backup.cache import locked
from builder.inside.backup.folders import clear_folder, sync_folder
from builder.inside.linux.btrfs import subvolume
from builder.inside.system.system import System

# DistroClone Backup's three generations of places: docs/backup.md.
_NUMBERED: Final = re.compile(r"(?:\.rootfs_cache/)?\.snapshots/[1-9][0-9]{0,8}/snapshot")
_RAW: Final = re.compile(
    r"(?:\.rootfs_cache/)?\.snapshots/@[0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9]{2}:[0-9]{2}"
)
_AT_ONCE: Final = 50  # snapshots for one command


def delete_snapshots(
    request: DeleteSnapshotsRequest, *, system: System, base: Path = paths.CACHE
) -> None:
    """Delete the snapshots that `request` names. Raises SourceError for anything else there."""
    with locked(base):
        found = [_place(each, base) for each in request.snapshots]
        there = [path for path in found if path is not None]
        for start in range(0, len(there), _AT_ONCE):
            some = there[start : start + _AT_ONCE]
            _delete(some, system=system)
            system.progress((start + len(some)) / len(there))


def _place(name: SnapshotName, base: Path) -> Path | None:
    """Return where a snapshot is; None where it is gone."""
    known = _NUMBERED.fullmatch(name.path) or _RAW.fullmatch(name.path)
    path = base / PurePosixPath(name.path)
    if known is None or path.resolve() != path:
        raise SourceError("{path} is not the place of a snapshot", path=name.path)
    found = subvolume(path)
    if found is None:
        return None
    if found.uuid != name.uuid:
        raise SourceError(
            "{path} is no longer the snapshot that was chosen, so nothing was deleted",
            hint="Look again with `distroclone-builder backup status`.",
            path=name.path,
        )
    return path


def _delete(snapshots: Sequence[Path], *, system: System) -> None:
    system.run(["btrfs", "subvolume", "delete", *map(str, snapshots)])
    for path in snapshots:
        if path.name.startswith("@"):
            path.with_name(f"{path.name}.meta").unlink(missing_ok=True)
        else:
            clear_folder(path.parent)
    for folder in sorted({_container(path) for path in snapshots}):
        sync_folder(folder)


def _container(path: Path) -> Path:
    return path.parent if path.name.startswith("@") else path.parent.parent
