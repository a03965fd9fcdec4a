"""Freezes the chosen subvolume in a read-only snapshot of our own, and deletes that again.

A build writes nothing else to a cache's volume, and each is in a container that does only this. The
snapshot is next to `.rootfs_cache`, never inside, where it would prevent deleting it.
"""

import os
from pathlib import Path, PurePosixPath
from typing import Final

from builder.basics.errors import SourceError, StepError
from builder.border import paths
from builder.border.labels import is_frozen_name
from builder.border.requests import FreezeRequest, ThawRequest
from builder.inside.linux.btrfs import filesystem_id, subvolume
from builder.inside.source.unfinished import is_unfinished
from builder.inside.system.system import System

_LIST_AGAIN: Final = "List what is there now with `distroclone-builder snapshots`."


def freeze(request: FreezeRequest, *, system: System, base: Path = paths.CACHE) -> bool:
    """Make the read-only snapshot that `request` names, and return whether that was possible.

    It is not possible on a read-only medium, or if `base` is on another filesystem than the chosen
    tree; a note says so. Raises SourceError when the chosen subvolume no longer exists.
    """
    target = base / _checked_name(request.name)
    source = _chosen_subvolume(request, base)
    if not os.access(base, os.W_OK):
        system.note(
            "The medium is read-only, so the source cannot be frozen; "
            "it is checked for changes at the end instead",
            warning=True,
        )
        return False
    if filesystem_id(base) != filesystem_id(source):
        system.note(
            "The source cannot be frozen, because the cache base is on another filesystem; "
            "it is checked for changes at the end instead",
            warning=True,
        )
        return False
    if os.path.lexists(target):  # btrfs would put the snapshot inside it
        raise StepError(
            "The frozen snapshot {name} already exists",
            hint="Remove the leftovers of earlier runs with `distroclone-builder sweep`.",
            name=request.name,
        )
    snapshot_read_only(source, target, system=system)
    if is_unfinished(target):  # a backup began after the scan
        thaw(ThawRequest(names=(request.name,)), system=system, base=base)
        raise SourceError(
            "A backup is being written into {path}, or did not finish",
            hint="Wait for it, or choose a snapshot: they are as good as before.",
            path=request.path,
        )
    return True


def snapshot_read_only(source: Path, target: Path, *, system: System) -> None:
    """Make the read-only snapshot `target`, which must not exist. Raises StepError."""
    system.run(["btrfs", "subvolume", "snapshot", "-r", str(source), str(target)])
    frozen = subvolume(target)
    if frozen is None or not frozen.read_only:
        raise StepError(
            "The frozen snapshot {name} is not read-only",
            hint="Check the filesystem with `btrfs scrub start`, then try again.",
            name=target.name,
        )


def thaw(request: ThawRequest, *, system: System, base: Path = paths.CACHE) -> None:
    """Delete the frozen snapshots that `request` names; missing ones are ignored."""
    targets = [base / _checked_name(name) for name in request.names]
    for target in targets:
        if not os.path.lexists(target):
            continue
        if subvolume(target) is None:
            raise StepError(
                "{name} in the cache is not a subvolume, so it was not deleted",
                hint="Inspect it, and remove it by hand.",
                name=target.name,
            )
        system.run(["btrfs", "subvolume", "delete", str(target)])


def list_frozen(base: Path) -> list[str]:
    """Return the sorted names of the frozen snapshots in `base`, of any run."""
    return sorted(
        entry.name
        for entry in base.iterdir()
        if is_frozen_name(entry.name) and subvolume(entry) is not None
    )


def _checked_name(name: str) -> str:
    if not is_frozen_name(name):
        raise StepError("Invalid name of a frozen snapshot: {name}", name=name)
    return name


def _chosen_subvolume(request: FreezeRequest, base: Path) -> Path:
    path = PurePosixPath(request.path)
    source = base.resolve() / path
    if path.is_absolute() or source.resolve() != source or source == base.resolve():
        raise SourceError(
            "{path} is not a path inside the cache", hint=_LIST_AGAIN, path=request.path
        )
    found = subvolume(source)
    if found is None:
        raise SourceError(
            "{path} is gone, or is not a btrfs subvolume", hint=_LIST_AGAIN, path=request.path
        )
    if found.uuid != request.uuid:
        raise SourceError(
            "{path} is no longer the subvolume that was chosen",
            hint=_LIST_AGAIN,
            path=request.path,
        )
    return source
