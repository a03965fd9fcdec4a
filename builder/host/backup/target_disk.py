"""The file systems that a whole system is restored to, as they are mounted on this machine.

What would go wrong with them is refused here, before any container starts. Sources:
proc_pid_mountinfo(5); sysfs, /sys/class/block (the kernel's ABI documents, sysfs-block).
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.errors import HostError, UsageError
from builder.border.backups import FolderIdentity
from builder.border.whole_systems import Part, TargetDisk
from builder.host.backup.mount_points import MOUNTINFO, MountPoint, mount_points, point_of
from builder.host.engine.owner import ourselves

ROOT: Final = Path("/")
_KINDS: Final = ("ext4", "btrfs", "xfs")  # GRUB reads them, and they keep all that a system has
_ESP: Final = "/boot/efi"
_KERNEL: Final = "proc/sys/kernel/osrelease"
_FIRMWARE: Final = "sys/firmware/efi"
_SECURE_BOOT: Final = f"{_FIRMWARE}/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThisMachine:
    """Where the kernel tells of mounts and disks: other places in tests only."""

    mountinfo: Path = MOUNTINFO
    root: Path = ROOT

    def points(self) -> tuple[MountPoint, ...]:
        """Return what is mounted."""
        return mount_points(self.mountinfo.read_bytes().decode("utf-8", "surrogateescape"))

    def disk_of(self, device: str) -> str | None:
        """Return the disk that a partition is on; None for what is no partition."""
        name = os.path.realpath(self.root / device.lstrip("/")).rpartition("/")[2]
        folder = self.root / "sys/class/block" / name
        return f"/dev/{folder.resolve().parent.name}" if (folder / "partition").exists() else None

    def shares(self, target: TargetDisk) -> bool:
        """Whether this machine's own system is on that disk, too."""
        ours = point_of(ROOT, self.points()).origin
        return target.disk in (ours, self.disk_of(ours))

    @property
    def kernel(self) -> str:
        """The version of the kernel that runs."""
        return (self.root / _KERNEL).read_text("ascii").strip()

    @property
    def has_uefi(self) -> bool:
        """Whether it was started by UEFI."""
        return (self.root / _FIRMWARE).is_dir()

    @property
    def has_secure_boot(self) -> bool:
        """Whether Secure Boot is on: four bytes of attributes, then the value (UEFI, 3.3)."""
        try:
            return (self.root / _SECURE_BOOT).read_bytes()[4:5] == b"\x01"
        except OSError:
            return False


HERE: Final = ThisMachine()


def target_disk(path: Path, *, cache: Path, snapshot: str, machine: ThisMachine) -> TargetDisk:
    """Return what is mounted at `path` and below. Raises UsageError or HostError for no target."""
    path = path.resolve()
    points = machine.points()
    top = next((each for each in points if each.path == str(path)), None)
    if top is None:
        raise UsageError(
            "{path} is not where a file system is mounted",
            hint="Mount the new root there, e.g. `mount /dev/sdb3 /mnt`, and what belongs to it "
            "below, e.g. at /mnt/boot/efi.",
            path=path,
        )
    _check_not_ours(path, top, points, cache=cache.resolve())
    below = [each for each in points if Path(each.path).is_relative_to(path) and each != top]
    found = [top, *sorted(below, key=lambda each: (each.path.count("/"), each.path))]
    parts = tuple(_part(each, path) for each in found)
    disks = {each.place: _disk(each.device, machine) for each in parts}
    status = path.stat()
    return TargetDisk(
        folder=FolderIdentity(boot=ourselves().boot, device=status.st_dev, inode=status.st_ino),
        parts=parts,
        disk=disks.get("/boot", disks["/"]),
        snapshot=snapshot,
    )


def devices_of(target: TargetDisk) -> tuple[str, ...]:
    """Return the devices without which it could not be made to start."""
    return tuple(dict.fromkeys((target.disk, *(each.device for each in target.parts))))


def _check_not_ours(
    path: Path, top: MountPoint, points: Sequence[MountPoint], *, cache: Path
) -> None:
    if path == ROOT or top.device == point_of(ROOT, points).device:
        raise UsageError(
            "{path} is this machine's own root, or on its file system",
            hint="A system is restored to another disk: start from a live medium, and mount the "
            "disk there.",
            path=path,
        )
    if top.device == point_of(cache, points).device:
        raise UsageError(
            "{path} is on the file system that the cache is on",
            hint="Give another disk: the cache would be all that is left if this went wrong.",
            path=path,
        )


def _part(point: MountPoint, top: Path) -> Part:
    """Return a part of the target. Raises UsageError for what files cannot be restored to."""
    place = f"/{Path(point.path).relative_to(top)}" if Path(point.path) != top else "/"
    is_esp = place == _ESP and point.kind == "vfat"
    if point.kind not in _KINDS and not is_esp:
        raise UsageError(
            "A {filesystem} file system is mounted at {path}; no system can be restored to that",
            hint="Use ext4, btrfs or xfs, and vfat at boot/efi alone; unmount all else there.",
            filesystem=point.kind,
            path=point.path,
        )
    if not point.writable:
        raise UsageError(
            "{path} is mounted read-only",
            hint="Mount it for writing: `mount -o remount,rw {path}`.",
            path=point.path,
        )
    if point.kind != "btrfs" and point.root != "/":
        raise UsageError(
            "{path} shows a folder of a file system, not all of it",
            hint="Mount the device itself there, without `bind`.",
            path=point.path,
        )
    subvolume = point.root.strip("/") if point.kind == "btrfs" else ""
    return Part(place=place, kind=point.kind, device=point.origin, subvolume=subvolume)


def _disk(device: str, machine: ThisMachine) -> str:
    """Return the disk that a partition is on. Raises HostError for what is no partition."""
    disk = machine.disk_of(device)
    if disk is None:
        raise HostError(
            "{device} is not a partition of a disk, so this program cannot make it start",
            hint="Encrypted disks, volume groups, arrays and disks without partitions are for "
            "people: restore the files with --to, and install the boot loader in a chroot.",
            device=device,
        )
    return disk
