"""Looks at a snapshot and at the disk that it shall go to, before anything is written."""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.errors import HostError, SourceError, UsageError
from builder.basics.printable import clean
from builder.basics.sizes import readable_size
from builder.border import paths
from builder.border.whole_systems import Looked, LookRequest, Part, TargetDisk
from builder.inside.backup.stored import has_system
from builder.inside.backup.system import check_identity
from builder.inside.debian.facts import read_os_release
from builder.inside.debian.kernel_modules import can_load
from builder.inside.debian.kernels import find_kernels
from builder.inside.installing.clone import DRACUT, INITRAMFS_TOOLS
from builder.inside.installing.starting import has_signed_grub
from builder.inside.onto_disk.marking import MARK, marked
from builder.inside.source.scan import SNAPSHOTS
from builder.inside.tree.tree import Tree

_ALLOWED: Final = frozenset({"lost+found", MARK})
_MOST_NAMED: Final = 5
_SPARE: Final = 256 << 20  # bytes: an initramfs is written beside the old one, and logs come
_OVERHEAD: Final = 1.02
_BLOCK: Final = 512  # bytes, of st_blocks
_PEOPLE: Final = range(1000, 60000)  # uids, as in Debian's adduser.conf and login.defs
_NO_LOGIN: Final = ("nologin", "false")


def look(
    request: LookRequest, *, source: Path = paths.SOURCE, target: Path = paths.TARGET
) -> Looked:
    """Return what there is to know. Raises UsageError, SourceError or HostError where it cannot be.

    Nothing is written.
    """
    check_identity(request.target.folder, target)
    tree = Tree(source)
    kernels = _kernels(tree, request)
    continued = check_target(request.target, target)
    needs = _needs(source, [each.place for each in request.target.parts])
    _check_room(needs, request.target, target, continued=continued)
    name = (read_os_release(tree) or {}).get("PRETTY_NAME", "")
    return Looked(
        system=clean(name),
        hostname=clean(text_of(tree, "/etc/hostname").strip()),
        size=sum(each.size for each in needs.values()),
        entries=sum(each.entries for each in needs.values()),
        kernels=kernels,
        homeless=tuple(_homeless(tree)),
        continued=continued,
    )


def _kernels(tree: Tree, request: LookRequest) -> tuple[str, ...]:
    """Return the kernels that can start; of all that can be known to fail later, nothing will."""
    if not has_system(tree):
        raise SourceError(
            "There is no system in the snapshot: os-release, etc or usr is missing",
            hint="Take another snapshot: `distroclone-builder snapshots` lists them.",
        )
    kernels = startable(tree)
    if not kernels:
        raise SourceError(
            "The system in the snapshot has no kernel that a disk could start",
            hint="Its /boot may have been on a disk that was not backed up. Take another snapshot, "
            "or restore the files with --to and install a kernel in a chroot.",
        )
    if tree.link_target("/boot") is not None:
        raise SourceError(
            "/boot of the system is a link; it has to be a folder",
            hint="Restore the files with --to, and make the system start by hand.",
        )
    if not any(map(tree.is_file, (INITRAMFS_TOOLS, DRACUT))):
        raise SourceError(
            "The system in the snapshot cannot make an initramfs: it has neither initramfs-tools "
            "nor dracut",
            hint="Restore the files with --to, and make the system start by hand.",
        )
    root = request.target.parts[0]
    for kernel in kernels:
        if root.kind != "ext4" and not can_load(tree, kernel, root.kind):
            raise UsageError(
                "The kernel {kernel} of the system cannot open {kind}, which the target is",
                hint="Make an ext4 there: every kernel of a distribution opens it.",
                kernel=kernel,
                kind=root.kind,
            )
    if request.secure_boot and not has_signed_grub(tree):
        raise UsageError(
            "Secure Boot is on, and the system in the snapshot has no loaders that it would start",
            hint="Switch Secure Boot off in the firmware's settings, then run this again.",
        )
    return kernels


def startable(tree: Tree) -> tuple[str, ...]:
    """Return the versions of kernels that have an image and modules, newest first."""
    found = find_kernels(tree)
    return tuple(each for each in found.images if each in found.modules)


def check_target(disk: TargetDisk, target: Path) -> bool:
    """Return whether a run goes on there. Raises UsageError for what is neither that nor empty.

    Each file system has a mark of its own: one that is mounted later is not taken for ours.
    """
    places = {each.place for each in disk.parts}
    continued = False
    for part in held(disk.parts):
        begun = marked(at(target, part))
        if begun == disk.snapshot:
            continued = True
            continue
        if begun is not None:
            raise UsageError(
                "Another snapshot was being restored to the target, and that did not finish",
                hint="Go on with that one, or make the target's file systems anew and mount them.",
            )
        found = sorted(_strangers(target, part.place, places))
        if found:
            raise UsageError(
                "The target is not empty: {paths}",
                hint="Nothing was written. Make its file systems anew, or move away what is there.",
                paths=", ".join(map(clean, found[:_MOST_NAMED])),
            )
    return continued


def held(parts: Sequence[Part]) -> list[Part]:
    """Return what files go to: an EFI system partition keeps what is on it."""
    return [each for each in parts if each.kind != "vfat"]


def at(target: Path, part: Part) -> Path:
    """Return where a part is mounted now."""
    return target / part.place.lstrip("/")


def _strangers(target: Path, place: str, places: set[str]) -> Iterator[str]:
    """Yield what is in a file system, but for folders that lead to where others are mounted."""
    for entry in os.scandir(target / place.lstrip("/")):
        path = f"{place.rstrip('/')}/{entry.name}"
        if entry.name in _ALLOWED or path in places:
            continue
        leads_on = any(each.startswith(f"{path}/") for each in places)
        if leads_on and entry.is_dir(follow_symlinks=False):
            yield from _strangers(target, path, places)
        else:
            yield path


@dataclass(slots=True, kw_only=True)
class _Need:
    """What a part of the target has to take."""

    size: int = 0  # bytes
    entries: int = 0


def _needs(source: Path, places: Sequence[str]) -> dict[str, _Need]:
    """Return what goes to each part: hard links are counted once, snapshots not at all."""
    needs: dict[str, _Need] = defaultdict(_Need, {each: _Need() for each in places})
    top, linked = os.fsencode(source), set[int]()
    waiting = [(b"", places[0])]
    while waiting:
        folder, place = waiting.pop()
        for entry in os.scandir(top + (folder or b"/")):
            path = folder + b"/" + entry.name
            if path == os.fsencode(f"/{SNAPSHOTS}"):
                continue
            status = entry.stat(follow_symlinks=False)
            inner = os.fsdecode(path)
            here = inner if inner in places else place
            if status.st_nlink == 1 or status.st_ino not in linked:
                needs[here].size += status.st_blocks * _BLOCK
                needs[here].entries += 1
            if entry.is_dir(follow_symlinks=False):
                waiting.append((path, here))
            elif status.st_nlink > 1:
                linked.add(status.st_ino)
    return needs


def _check_room(
    needs: dict[str, _Need], disk: TargetDisk, target: Path, *, continued: bool
) -> None:
    """Raise HostError for a part of the target that is too small."""
    if continued:  # then rsync has to say it
        return
    for part in held(disk.parts):
        need, room = needs[part.place], os.statvfs(at(target, part))
        spare = _SPARE if part.place in ("/", "/boot") else 0
        size, free = int(need.size * _OVERHEAD) + spare, room.f_bavail * room.f_frsize
        if size > free:
            raise HostError(
                "The target's {place} has {free} free; the system needs {size} there",
                hint="Nothing was written. Mount a larger file system there.",
                place=part.place,
                free=readable_size(free),
                size=readable_size(size),
            )
        if room.f_files and need.entries > room.f_favail:  # btrfs has as many as it needs
            raise HostError(
                "The target's {place} can have {free} files; the system has {count} there",
                hint="Nothing was written. Make it with more inodes, or as btrfs or xfs.",
                place=part.place,
                free=room.f_favail,
                count=need.entries,
            )


def _homeless(tree: Tree) -> Iterator[str]:
    """Yield the people who have an account and no home: mostly one that was not backed up."""
    return (name for name, home in people(tree).items() if not tree.is_dir(home))


def people(tree: Tree) -> dict[str, str]:
    """Return the homes of those who have an account to log in to, by their names."""
    found = {}
    for line in text_of(tree, "/etc/passwd").split("\n"):
        fields = line.split(":")
        if len(fields) < 7 or not fields[2].isdecimal() or int(fields[2]) not in _PEOPLE:
            continue
        if not fields[6].endswith(_NO_LOGIN):
            found[clean(fields[0])] = fields[5]
    return found


def text_of(tree: Tree, path: str) -> str:
    """Return a text of the system; "" where it has none. Raises no OSError."""
    try:
        return tree.read_text(path)
    except OSError:
        return ""
