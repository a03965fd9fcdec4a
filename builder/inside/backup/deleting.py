"""Deletes snapshots of a cache, in the order that leaves no half ones behind, or all of it.

First the subvolume, then what describes it, then its folder, as snapper does. Only a snapshot that
is still the subvolume that was chosen goes.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from builder.basics.errors import HostError, SourceError
from builder.basics.printable import clean
from builder.border import paths
from builder.border.backups import DeleteCacheRequest, DeleteSnapshotsRequest, SnapshotName
from builder.inside.backup.cache import locked, meta_draft
from builder.inside.backup.folders import (
    clear_folder,
    is_staged,
    subvolumes_in,
    sync_folder,
)
from builder.inside.backup.holding import PROBE
from builder.inside.backup.stored import is_plain
from builder.inside.backup.system import subvolumes_inside
from builder.inside.linux.btrfs import subvolume
from builder.inside.linux.mounts import mount_points_below
from builder.inside.source.scan import META, ROOTFS, SNAPSHOTS
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
    """Delete the snapshots that `request` names.

    Raises SourceError for anything else there, HostError where the volume cannot be written.
    """
    with locked(base), _deleted():
        found = [_place(each, base) for each in request.snapshots]
        there = [path for path in found if path is not None]
        for start in range(0, len(there), _AT_ONCE):
            some = there[start : start + _AT_ONCE]
            _delete(some, system=system)
            system.progress((start + len(some)) / len(there))


def delete_cache(request: DeleteCacheRequest, *, system: System, base: Path = paths.CACHE) -> None:
    """Delete a whole cache, from the inside out; what is not a part of it stays.

    Raises SourceError for a tree on btrfs that is no subvolume, for mounts in the tree, or for
    subvolumes in the cache that the request does not name, before anything is deleted; HostError
    where the volume cannot be written.
    """
    rootfs = base / ROOTFS
    with locked(base), _deleted():
        if is_plain(base):
            _delete_plain(base, system=system)
            return
        _check_deletable(base, request, system=system)
        for folder in (rootfs / SNAPSHOTS, base / SNAPSHOTS):
            _empty(folder, system=system)
        # The tree is last: without it there is no cache, and nobody could ask to delete the rest.
        meta_draft(base).unlink(missing_ok=True)
        (base / META).unlink(missing_ok=True)
        sync_folder(base)
        if rootfs.is_dir():
            _delete_subvolumes([rootfs], system=system)
            sync_folder(base)


def _delete_plain(base: Path, *, system: System) -> None:
    """Delete a cache that is a folder; half of one has no metadata, and so counts as none."""
    rootfs = base / ROOTFS
    if places := mount_points_below(rootfs):
        raise SourceError(
            "Something is mounted in the cache, so it is not deleted: {paths}",
            hint="Unmount it (`umount`), then give the command again.",
            paths=", ".join(clean(os.path.relpath(each, base)) for each in places[:5]),
        )
    shutil.rmtree(base / PROBE, ignore_errors=True)
    meta_draft(base).unlink(missing_ok=True)
    (base / META).unlink(missing_ok=True)
    sync_folder(base)
    system.run(["rm", "--recursive", "--force", "--one-file-system", str(rootfs)])
    sync_folder(base)


def _check_deletable(base: Path, request: DeleteCacheRequest, *, system: System) -> None:
    rootfs = base / ROOTFS
    if os.path.lexists(rootfs) and subvolume(rootfs) is None:
        raise SourceError(
            "{name} is not a btrfs subvolume, so it is not deleted",
            hint="Look at it, and remove it by hand.",
            name=ROOTFS,
        )
    if others := [*dict.fromkeys(_unnamed(base, request, system=system))]:
        raise SourceError(
            "There are subvolumes in the cache that are no snapshots: {paths}",
            hint="Look at them, and delete them with `btrfs subvolume delete` first. If a backup "
            "has just made one, give the command again.",
            paths=", ".join(others[:5]),
        )


def _unnamed(base: Path, request: DeleteCacheRequest, *, system: System) -> Iterator[str]:
    """Yield the subvolumes that would go and that nobody was told of."""
    named = {each.uuid for each in request.subvolumes}
    folders = (base / ROOTFS / SNAPSHOTS, base / SNAPSHOTS)
    nested = [each for each in (base / ROOTFS, *folders) if subvolume(each) is not None]
    named |= {each.uuid for each in map(subvolume, folders) if each is not None}
    for path in [each for folder in folders for each in subvolumes_in(folder)]:
        found = subvolume(path)
        if found is None:
            continue
        if is_staged(path):
            named.add(found.uuid)
        if found.uuid not in named:
            yield clean(path.relative_to(base).as_posix())
        elif not found.read_only:  # in which others may have been made
            nested.append(path)
    for place in nested:
        inside = subvolumes_inside(place, system=system)
        yield from (path for uuid, path in inside.items() if uuid not in named)


def _empty(folder: Path, *, system: System) -> None:
    """Delete the subvolumes in a folder of snapshots, what describes them, and the folder."""
    _delete_subvolumes([*subvolumes_in(folder)], system=system)
    if folder.is_symlink() or not folder.is_dir():
        return
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink():
            continue
        if entry.is_dir():
            clear_folder(entry)
        elif entry.name.startswith("@") and entry.name.endswith(".meta"):
            entry.unlink()
    if subvolume(folder) is not None:
        _delete_subvolumes([folder], system=system)
    elif not any(folder.iterdir()):
        folder.rmdir()


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
    _delete_subvolumes(snapshots, system=system)
    for path in snapshots:
        if path.name.startswith("@"):
            path.with_name(f"{path.name}.meta").unlink(missing_ok=True)
        else:
            clear_folder(path.parent)
    for folder in sorted({_container(path) for path in snapshots}):
        sync_folder(folder)


def _delete_subvolumes(paths: Sequence[Path], *, system: System) -> None:
    for start in range(0, len(paths), _AT_ONCE):
        some = map(str, paths[start : start + _AT_ONCE])
        system.run(["btrfs", "subvolume", "delete", *some])


@contextlib.contextmanager
def _deleted() -> Iterator[None]:
    """Explain why something cannot be deleted."""
    try:
        yield
    except OSError as error:
        raise HostError(
            "Not everything could be deleted: {reason}",
            hint="Check the volume's disk and its free space, then give the command again: it goes "
            "on from what is there.",
            reason=error.strerror or error,
        ) from error


def _container(path: Path) -> Path:
    return path.parent if path.name.startswith("@") else path.parent.parent
