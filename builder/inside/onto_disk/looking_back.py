"""Looks at what a rollback would do to a system, and at what is in its way, before it is begun."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from builder.basics.errors import HostError, SourceError, UsageError
from builder.basics.printable import clean
from builder.basics.sizes import readable_size
from builder.border import paths
from builder.border.whole_systems import LookedBack, RollbackRequest
from builder.inside.backup.stored import has_system
from builder.inside.backup.system import check_identity
from builder.inside.debian.facts import read_os_release
from builder.inside.linux.mounts import filesystem_at
from builder.inside.linux.statx import is_unchangeable
from builder.inside.onto_disk.itemized import FORMAT, Changes, real_path
from builder.inside.onto_disk.looking import people, startable, text_of
from builder.inside.onto_disk.package_lock import check_packages
from builder.inside.onto_disk.protecting import boot_stays, protected_paths, rules
from builder.inside.onto_disk.syncing import TRIAL, sync
from builder.inside.source import unfinished
from builder.inside.source.scan import WITHOUT_OWNERS
from builder.inside.system.system import System
from builder.inside.tree.tree import Tree

_MOST_NAMED: Final = 5
_SPARE: Final = 64 << 20  # bytes that stay free: a system without any hardly starts
_FSTAB: Final = "/etc/fstab"
_STARTING: Final = ("/", "/boot", "/usr")  # whose disks the snapshot's menu and initramfs name
_MERGED: Final = ("/bin", "/sbin", "/lib", "/lib64")
_ENGINES: Final = ("/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/bin/podman")
_MACHINE_ID: Final = "/etc/machine-id"


def look_back(
    request: RollbackRequest,
    *,
    system: System,
    source: Path = paths.SOURCE,
    target: Path = paths.TARGET,
) -> LookedBack:
    """Return what would be done. Raises what `check` raises, and HostError for want of room.

    Nothing is written.
    """
    check(request, source=source, target=target)
    old, new = Tree(source), Tree(target)
    folders = sorted((f"{each}/" for each in request.parts), key=len, reverse=True)
    changes = Changes(folders=(*folders, ""))
    sync(
        source, target, rules(old, new, request),
        (TRIAL, "--delete", f"--out-format={FORMAT}"),
        system=system, progress=changes.reader(), parts=request.parts,
    )  # fmt: skip
    check_packages(target)
    _check_unchangeable(changes, target)
    _check_room(changes, target)
    return LookedBack(
        system=clean((read_os_release(old) or {}).get("PRETTY_NAME", "")),
        hostname=clean(text_of(old, "/etc/hostname").strip()),
        kernels=() if boot_stays(old, new, request) else startable(old),
        size=sum(changes.sizes.values()),
        added=changes.added.told(),
        changed=changes.changed.told(),
        deleted=changes.deleted.told(),
        protected=tuple(map(clean, protected_paths(new))),
        leaving=tuple(sorted({*people(new)} - {*people(old)})),
    )


def check(request: RollbackRequest, *, source: Path, target: Path) -> None:
    """Raise UsageError, SourceError or HostError for what could not start afterwards."""
    check_identity(request.target, target)
    old, new = Tree(source), Tree(target)
    if not has_system(old) or unfinished.is_unfinished(source):
        raise SourceError(
            "There is no whole system in the snapshot",
            hint="Take another one: `distroclone-builder snapshots` lists them.",
        )
    if not has_system(new) and not _is_of_one_machine(old, new):  # a damaged one still is one
        raise UsageError(
            "There is no system to roll back: os-release, etc or usr is missing",
            hint="For an empty disk there is --system.",
        )
    if (kind := filesystem_at(target)) in WITHOUT_OWNERS:
        raise UsageError(
            "A {filesystem} file system does not keep owners, modes and links",
            hint="Give the root of a system with --root.",
            filesystem=kind,
        )
    if request.homes and not old.listdir("/home"):
        raise SourceError(
            "The snapshot has no homes: its backup was made without --include-home",
            hint="Roll back without --include-home: homes stay as they are.",
        )
    if request.kernel:
        _check_engine(old, new)
    _check_same(old, new)
    _check_disks(old, new)


def _check_engine(old: Tree, new: Tree) -> None:
    """Raise SourceError where what runs this container would go, and so could do nothing more."""
    for path in _ENGINES:
        if new.is_file(path) and not old.is_file(path):
            raise SourceError(
                "The snapshot has no {path}: this program could neither finish without its "
                "container engine, nor go forward again",
                hint="Start a live system, mount the root of this one, and give it with --root.",
                path=path,
            )


def _check_same(old: Tree, new: Tree) -> None:
    """Raise SourceError for another machine's system, or one that has changed its shape."""
    if all(map(_machine_id, (old, new))) and not _is_of_one_machine(old, new):
        raise SourceError(
            "The snapshot is of another system: its machine-id is not this one's",
            hint="A whole system goes onto an empty disk, with --system; files into a folder, "
            "with --to.",
        )
    for path in _MERGED:
        if old.link_target(path) != new.link_target(path):
            raise SourceError(
                "{path} is a link in one of the snapshot and the system, and a folder in the other",
                hint="No program would run halfway. Start a live system, and restore to an empty "
                "disk with --system.",
                path=path,
            )


def _is_of_one_machine(old: Tree, new: Tree) -> bool:
    return _machine_id(old) == _machine_id(new) != ""


def _machine_id(tree: Tree) -> str:
    return text_of(tree, _MACHINE_ID).strip()


def _check_disks(old: Tree, new: Tree) -> None:
    """Raise SourceError where the system would look for its disks in vain."""
    before, now = (dict(_disks(text_of(tree, _FSTAB))) for tree in (old, new))
    for place in _STARTING:
        if place in before and place in now and before[place] != now[place]:
            raise SourceError(
                "{place} was on another disk when the snapshot was made: {old}, and now {new}",
                hint="Its boot menu would look there. Start a live system, and restore to an "
                "empty disk with --system.",
                place=place,
                old=clean(before[place]),
                new=clean(now[place]),
            )


def _disks(fstab: str) -> Iterator[tuple[str, str]]:
    """Yield the places and disks that fstab(5) names."""
    for line in fstab.split("\n"):
        fields = line.split()
        if len(fields) > 2 and not fields[0].startswith("#"):
            yield fields[1], fields[0]


def _check_unchangeable(changes: Changes, target: Path) -> None:
    """Raise HostError for files that chattr(1) protects: these would end a rollback halfway."""
    top, found = os.fsencode(target), []
    for name in changes.paths():
        try:
            if is_unchangeable(top + b"/" + real_path(name)):
                found.append(f"/{clean(name)}")
        except OSError:
            continue
    if found:
        raise HostError(
            "{count} files that would be changed are immutable or append-only, such as {paths}",
            hint="Nothing was changed. Take the flags away (`chattr -i -a PATH`), or leave the "
            "files out with --exclude.",
            count=len(found),
            paths=", ".join(found[:_MOST_NAMED]),
        )


def _check_room(changes: Changes, target: Path) -> None:
    """Raise HostError for want of room: what is changed is on the disk twice for a while."""
    for folder, size in changes.sizes.items():
        facts = os.statvfs(target / folder)
        free = facts.f_bavail * facts.f_frsize
        if size + _SPARE > free:
            raise HostError(
                "/{folder} has {free} free; {size} is needed there for a while",
                hint="Nothing was changed. Free space there: what is changed is copied first, and "
                "takes its place in the end.",
                folder=folder.rstrip("/"),
                free=readable_size(free),
                size=readable_size(size + _SPARE),
            )
