"""The file systems that are mounted in a system, from this machine's /proc/self/mountinfo.

A system may lie on several disks; a backup that follows one of them only has no kernel where /boot
is on another. Format: proc_pid_mountinfo(5).
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.border.backups import DISKS

MOUNTINFO: Final = Path("/proc/self/mountinfo")
# What others keep for this system elsewhere; whatever else is mounted, the kernel makes up.
_ELSEWHERE: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "virtiofs", "glusterfs"}
)
_IMAGES: Final = frozenset({"squashfs", "iso9660", "udf", "erofs", "overlay"})  # files elsewhere
_BOOT: Final = "vfat"  # below /boot, where small machines have their kernels
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")
_TOP_OF_A_SUBVOLUME: Final = 256  # its inode; BTRFS_FIRST_FREE_OBJECTID


@dataclass(frozen=True, slots=True, kw_only=True)
class MountPoint:
    """One mounted file system."""

    path: str
    kind: str  # "ext4"
    device: str  # "8:1", one for all subvolumes of a btrfs
    origin: str  # "/dev/sda1"
    root: str  # what of it is mounted here
    writable: bool


_UNKNOWN: Final = MountPoint(  # in a chroot
    path="/", kind="", device="", origin="", root="/", writable=False
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemMounts:
    """What is mounted in a system, apart from its own file system."""

    disks: tuple[MountPoint, ...]  # parts of the system on disks, outermost first
    elsewhere: tuple[MountPoint, ...]  # shares of other machines
    foreign: tuple[MountPoint, ...]  # disks of other systems: a Windows partition, a card
    places: tuple[str, ...]  # where anything is mounted, also what is left out


def mount_points(text: str) -> tuple[MountPoint, ...]:
    """Return what mountinfo lists; of several at one place, the one that is seen."""
    found: dict[str, MountPoint] = {}
    for line in text.split("\n"):  # the kernel escapes no more than blanks and backslashes
        if not line:
            continue
        fields, _dash, rest = line.partition(" - ")
        _id, _parent, device, root, path, options = fields.split(" ")[:6]
        point = _unescaped(path)
        found.pop(point, None)
        found[point] = MountPoint(
            path=point,
            kind=rest.split(" ")[0],
            device=device,
            origin=_unescaped(rest.split(" ")[1]),
            root=_unescaped(root),
            writable=options.split(",")[0] == "rw",
        )
    return tuple(found.values())


def point_of(path: Path, points: Sequence[MountPoint]) -> MountPoint:
    """Return the file system that a path is on."""
    above = {str(path), *map(str, path.parents)}
    found = [each for each in points if each.path in above]
    return max(found, key=lambda each: len(each.path), default=_UNKNOWN)


def mounted_in(
    source: Path, points: Sequence[MountPoint], *, left_out: Sequence[Path]
) -> SystemMounts:
    """Return what is mounted in the system at `source`, without what is at or in `left_out`.

    A bind mount shows what the system has elsewhere, and is not another part of it.
    """
    inside = [each for each in points if _is_below(Path(each.path), source)]
    wanted = [each for each in inside if not any(_is_in(each.path, place) for place in left_out)]
    wanted.sort(key=lambda each: (each.path.count("/"), each.path))
    seen = {point_of(source, points).device}
    disks = []
    for each in wanted:
        if not _is_taken(each, source):
            continue
        if each.kind == "btrfs":
            is_part = _is_subvolume(Path(each.path))
        else:
            is_part = each.device not in seen
            seen.add(each.device)
        if is_part:
            disks.append(each)
    elsewhere = tuple(each for each in wanted if each.kind in _ELSEWHERE)
    foreign = tuple(each for each in wanted if _is_foreign(each) and each not in disks)
    # An automount that nobody has entered yet shows an empty folder: autofs(5).
    places = tuple(each.path for each in inside if each.kind != "autofs")
    return SystemMounts(disks=tuple(disks), elsewhere=elsewhere, foreign=foreign, places=places)


def _is_taken(point: MountPoint, source: Path) -> bool:
    return point.kind in DISKS or (
        point.kind == _BOOT and Path(point.path).is_relative_to(source / "boot")
    )


def _is_foreign(point: MountPoint) -> bool:
    others = {*DISKS, *_ELSEWHERE, *_IMAGES}
    is_virtual = point.kind.startswith("fuse.") or point.origin == "/dev/fuse"
    return point.origin.startswith("/dev/") and point.kind not in others and not is_virtual


def freezes(source: Path, points: Sequence[MountPoint]) -> bool:
    """Whether a snapshot of the system at `source` can be made in it."""
    point = point_of(source, points)
    return point.kind == "btrfs" and point.writable and _is_subvolume(source)


def _is_subvolume(path: Path) -> bool:
    try:
        return path.stat().st_ino == _TOP_OF_A_SUBVOLUME
    except OSError:
        return False


def _is_below(path: Path, top: Path) -> bool:
    return path != top and path.is_relative_to(top)


def _is_in(path: str, place: Path) -> bool:
    return Path(path).is_relative_to(place)


def _unescaped(text: str) -> str:
    return os.fsdecode(_ESCAPE.sub(lambda match: chr(int(match[1], 8)), text))
