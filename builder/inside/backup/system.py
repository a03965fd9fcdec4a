"""The system that is backed up: it is the one that was meant, and where possible it is frozen."""

import contextlib
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from builder.basics.errors import HostError, SourceError
from builder.basics.printable import clean
from builder.border import paths
from builder.border.backups import FolderIdentity, FreezeSystemRequest, FrozenSystem
from builder.border.labels import is_frozen_name
from builder.border.source import SourceKind, TreePlace
from builder.formats.rollback_mark import goal_of
from builder.inside.backup.stored import has_system
from builder.inside.linux.btrfs import subvolume
from builder.inside.source.freeze import snapshot_read_only
from builder.inside.source.mounted import unchanged
from builder.inside.source.unfinished import is_unfinished
from builder.inside.system.system import System
from builder.inside.tree.tree import Tree

BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_MACHINE_ID: Final = "/etc/machine-id"
_ID: Final = re.compile(r"[0-9a-f]{32}")
_USERS: Final = Path("/proc/self/uid_map")  # user_namespaces(7)
_ALL_USERS: Final = ["0", "0", "4294967295"]
# `btrfs subvolume list -ou`: ID 257 gen 9 top level 256 uuid 8f…2 path @/var/lib/machines
_LISTED: Final = re.compile(r"ID \d+ gen \d+ top level \d+ uuid (\S+) path (.+)")
_NO_PARTS: Final = re.compile(r"(^|/)(\.snapshots|\.distroclone-builder-[^/]*)(/|$)")


def check_identity(expected: FolderIdentity, source: Path) -> None:
    """Raise HostError where the engine shows something else than the folder that is meant."""
    if BOOT_ID.read_text().strip() != expected.boot:
        raise HostError(
            "The engine runs on another machine, or in a virtual one: it cannot see this system",
            hint="Run the backup on the machine whose system it is for, with its own engine.",
        )
    if _USERS.read_text().split() != _ALL_USERS:
        raise HostError(
            "The engine shows containers only some of the users, so it cannot copy all files",
            hint="Use an engine that runs as root, e.g. --engine unix:///var/run/docker.sock.",
        )
    status = source.stat()
    if (status.st_dev, status.st_ino) != (expected.device, expected.inode):
        raise HostError(
            "The engine sees another folder in the place of the system",
            hint="This program seems to run in a container: run it where the engine runs.",
        )


def check_system(source: Path) -> None:
    """Raise SourceError where there is no system, or half of one, whose copy would be worthless."""
    if goal_of(source) is not None:
        raise SourceError(
            "The system was being rolled back, and that did not finish: it is half and half",
            hint="Give the same `restore --rollback` command again, which goes on, then back up.",
        )
    if not has_system(Tree(source)):
        raise SourceError(
            "There is no system to back up: os-release, etc or usr is missing",
            hint="Give the folder of a root filesystem with --source. If it should be one, its "
            "disk is not mounted, or its /usr is on another one.",
        )


def check_same_system(source: Path, rootfs: Path) -> None:
    """Raise SourceError where the cache holds another machine's system: its snapshots would go.

    A drive may be carried from one machine to the next, and be mounted at the same place on both.
    """
    here, there = _machine(Tree(source)), _machine(Tree(rootfs))
    if here and there and here != there:
        raise SourceError(
            "The cache holds a backup of another system: its machine-id is not this one's",
            hint="Choose another folder with --cache. If that system is no longer of use, or was "
            "installed anew, give --adopt once: its snapshots then count as old ones of this.",
        )


def warn_of_one_disk(source: Path, cache: Path, *, system: System) -> None:
    """Say so where system and cache are on one file system: a drive may just not be mounted."""
    if source.stat().st_dev == cache.stat().st_dev:
        system.note(
            "The cache is on the file system of the system itself: if its disk fails, both are "
            "gone. If the cache should be on another drive, that is not mounted",
            warning=True,
        )


def _machine(tree: Tree) -> str:
    """Return the id of machine-id(5); "" without one."""
    try:
        text = tree.read_text(_MACHINE_ID, limit=64).strip()
    except OSError:
        return ""
    return text if _ID.fullmatch(text) else ""


def still_there(source: Path) -> AbstractContextManager[object]:
    """Raise SourceError where a snapshot at `source` is not what it was after the body.

    Only a container has one there whose deletion nobody would notice. What is no snapshot is the
    tree of a cache that has none.
    """
    if source != paths.SOURCE:
        return contextlib.nullcontext()
    if subvolume(source) is None:
        return not_rewritten(source)
    return unchanged(TreePlace(kind=SourceKind.TREE, subvolume="", frozen=True))


@contextlib.contextmanager
def not_rewritten(rootfs: Path) -> Iterator[None]:
    """Raise SourceError where a backup writes to the tree of a cache during the body."""
    before = _top(rootfs)
    yield
    if _top(rootfs) != before:
        raise SourceError(
            "A backup was writing to the cache while it was read, so what was read may be of two "
            "moments",
            hint="Wait for it: `distroclone-builder backup status` says whether it still is. Empty "
            "the folder that you restored to, then try again.",
        )


def _top(rootfs: Path) -> tuple[bool, int]:
    """Return what a backup changes: it puts a mark there and takes it away."""
    return is_unfinished(rootfs), rootfs.stat().st_ctime_ns


def freeze_system(
    request: FreezeSystemRequest, *, system: System, source: Path = paths.SOURCE
) -> FrozenSystem:
    """Make the snapshot that `request` names at the top of the subvolume `source`."""
    check_identity(request.system, source)
    if not is_frozen_name(request.name):
        raise SourceError("Invalid name of a frozen snapshot: {name}", name=request.name)
    target = source / request.name
    if os.path.lexists(target):  # btrfs would put the snapshot inside it
        raise SourceError(
            "{name} is already there",
            hint="`distroclone-builder backup` makes another name in each run: start it again.",
            name=request.name,
        )
    nested = nested_subvolumes(source, system=system)
    snapshot_read_only(source, target, system=system)
    status = target.stat()
    return FrozenSystem(device=status.st_dev, inode=status.st_ino, nested=nested)


def nested_subvolumes(source: Path, *, system: System) -> tuple[str, ...]:
    """Return the subvolumes directly inside one, from their volume's top, but for snapshots."""
    found = subvolumes_inside(source, system=system)
    return tuple(path for path in found.values() if not _NO_PARTS.search(path))


def subvolumes_inside(source: Path, *, system: System) -> dict[str, str]:
    """Return the paths of the subvolumes directly inside one, from their volume's top, by UUID."""
    output = system.run(["btrfs", "subvolume", "list", "-o", "-u", str(source)], logged=False)
    found = [match for match in map(_LISTED.fullmatch, output.split("\n")) if match]
    return {match[1]: clean(match[2]) for match in found}
