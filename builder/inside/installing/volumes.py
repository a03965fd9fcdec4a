"""Partitions and file systems of the installed system: layouts that BIOS and UEFI both start.

Sources: sfdisk(8), mkfs.ext4(8), mkfs.btrfs(8), mkfs.xfs(8); the types of partitions are GPT's
(UEFI specification, 5.3.3; GRUB's manual, "BIOS installation"; the UAPI group's "Discoverable
Partitions Specification").
"""

import contextlib
import json
import secrets
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, assert_never

from builder.basics.errors import StepError
from builder.formats.answers import FileSystem
from builder.inside.installing.disks import Disk
from builder.inside.installing.encryption import mapping, unlocked
from builder.inside.installing.machine import Machine

BIOS: Final = "i386-pc"  # GRUB's names of what a machine starts with
UEFI: Final = "x86_64-efi"
_BIOS_MIB: Final = 1
_ESP_MIB: Final = 512
_BOOT_MIB: Final = 1024
_SPARE_MIB: Final = 1024  # for initramfs, logs, and what a first start writes
_MIB: Final = 1 << 20
_OVERHEAD: Final = 1.15  # inodes, journal, and the share that is kept for root
UNFINISHED: Final = "installation not finished"  # the name of a partition
_BIOS: Final = ("21686148-6449-6E6F-744E-656564454649", "BIOS boot")
ESP_TYPE: Final = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
_ESP: Final = (ESP_TYPE, "EFI system partition")
_BOOT: Final = ("0FC63DAF-8483-4772-8E79-3D69D8477DE4", "boot")
_ROOT: Final = ("0FC63DAF-8483-4772-8E79-3D69D8477DE4", "root")
_LOCKED: Final = ("CA7D7CCB-63ED-4C53-861C-1742536059CC", "root, encrypted")
# What e2fsprogs 1.47 switches on and older ones, at every start, refuse to check.
_EXT4_FEATURES: Final = "^metadata_csum_seed,^orphan_file"
# What Linux before 5.19 and GRUB before 2.12 cannot read, though xfsprogs of today make it.
_XFS_FEATURES: Final = ("-i", "nrext64=0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What is to be on the disk besides the parts that firmware and GRUB need.

    On btrfs, root and home are subvolumes; `has_home` is whether /home is a folder, and so can be.
    GRUB reads all of these file systems, but no LUKS2 as it is made today: where the root is
    encrypted, /boot is not.
    """

    file_system: FileSystem = FileSystem.EXT4
    encrypted: bool = False
    swap_mib: int = 0
    has_home: bool = True

    @property
    def swap_file(self) -> str | None:
        """Where the swap file is; on btrfs in a subvolume, or none of the root could be copied."""
        if not self.swap_mib:
            return None
        return "/swap/swapfile" if self.file_system is FileSystem.BTRFS else "/swapfile"

    @property
    def subvolumes(self) -> tuple[tuple[str, str], ...]:
        """The subvolumes of a btrfs, and where each is mounted; that of the root is the first."""
        if self.file_system is not FileSystem.BTRFS:
            return ()
        home = (("@home", "/home"),) if self.has_home else ()
        swap = (("@swap", "/swap"),) if self.swap_mib else ()
        return (("@", "/"), *home, *swap)


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A file system or an encrypted partition: its device, and its UUID as blkid(8) says it."""

    device: str
    uuid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Where a system goes beside another one: free space, and the EFI system partition of both."""

    esp: Volume
    start_mib: int
    size_mib: int
    esp_folder: str = ""  # of what is installed: one that is not there yet
    others: str = ""  # entries of GRUB's menu that start what else is there
    unfinished: tuple[str, ...] = ()  # numbers of partitions of an installation that was cut off


@dataclass(frozen=True, slots=True, kw_only=True)
class StartingDisk:
    """What has to be known of a disk to make the system on it start."""

    disk: str  # "/dev/sda": where GRUB goes for BIOS
    root_uuid: str
    file_system: FileSystem  # of the root
    subvolume: str = ""  # of a btrfs that is the root: "@"
    boot_uuid: str = ""  # of the file system that /boot is on, if it is not the root
    locked_uuid: str = ""  # of the encrypted partition that the root is in
    platforms: tuple[str, ...] = (BIOS, UEFI)  # that it has places for
    esp_folder: str = ""  # of its own, where others use the EFI system partition as well
    others: str = ""  # entries of GRUB's menu that start them


@dataclass(frozen=True, slots=True, kw_only=True)
class Volumes:
    """What an installation has on its disk."""

    disk: str
    layout: Layout
    esp: Volume
    root: Volume
    boot: Volume | None = None  # where the root is encrypted
    locked: Volume | None = None  # the encrypted partition that the root is in
    esp_folder: str = ""  # as `StartingDisk` has it, and the next one
    others: str = ""

    @property
    def start(self) -> StartingDisk:
        """What makes the system on them start."""
        return StartingDisk(
            disk=self.disk,
            root_uuid=self.root.uuid,
            file_system=self.layout.file_system,
            subvolume=next((name for name, _place in self.layout.subvolumes), ""),
            boot_uuid="" if self.boot is None else self.boot.uuid,
            locked_uuid="" if self.locked is None else self.locked.uuid,
            platforms=(UEFI,) if self.esp_folder else (BIOS, UEFI),
            esp_folder=self.esp_folder,
            others=self.others,
        )

    def fstab(self) -> str:
        """Return the lines of fstab(5) for them."""
        root, kind = f"UUID={self.root.uuid}", self.layout.file_system
        match kind:
            case FileSystem.EXT4:
                lines = [f"{root}  /  ext4  errors=remount-ro  0  1\n"]
            case FileSystem.XFS:
                lines = [f"{root}  /  xfs  defaults  0  0\n"]
            case FileSystem.BTRFS:
                lines = [
                    f"{root}  {place}  btrfs  defaults,subvol={name}  0  0\n"
                    for name, place in self.layout.subvolumes
                ]
            case _:
                assert_never(kind)
        if self.boot is not None:
            lines.append(f"UUID={self.boot.uuid}  /boot  ext4  defaults  0  2\n")
        lines.append(f"UUID={self.esp.uuid}  /boot/efi  vfat  umask=0077  0  1\n")
        if self.layout.swap_file is not None:
            lines.append(f"{self.layout.swap_file}  none  swap  sw  0  0\n")
        head = "# <file system>  <mount point>  <type>  <options>  <dump>  <pass>\n"
        return "".join((head, *lines))

    def crypttab(self) -> str | None:
        """Return the line of crypttab(5) for the root; None where nothing is encrypted."""
        if self.locked is None:
            return None
        # The last word puts it into the initramfs, whatever else its tools may think of it.
        return f"{mapping(self.locked.uuid)} UUID={self.locked.uuid} none luks,discard,initramfs\n"


def needed_size(content: int, layout: Layout) -> int:
    """Return how large a disk has to be, in bytes, for a system of `content` bytes."""
    boot = _BOOT_MIB if layout.encrypted else 0
    return int(content * _OVERHEAD) + _MIB * (
        _BIOS_MIB + _ESP_MIB + boot + layout.swap_mib + _SPARE_MIB
    )


def needed_room(content: int, layout: Layout) -> int:
    """Return how much free space it takes beside another system, in bytes."""
    return needed_size(content, layout) - _MIB * (_BIOS_MIB + _ESP_MIB)


@contextlib.contextmanager
def made_volumes(
    disk: Disk, layout: Layout, machine: Machine, *, passphrase: str = ""
) -> Iterator[Volumes]:
    """Write a new partition table to a disk, and file systems: what was there is lost.

    While the body runs, what is encrypted is unlocked.
    """
    machine.run(["wipefs", "--all", "--force", disk.path])
    machine.run(
        ["sfdisk", "--wipe", "always", "--wipe-partitions", "always", disk.path],
        stdin=_table(layout),
    )
    first, last = 3, 4 if layout.encrypted else 3
    for number in range(2, last + 1):
        machine.wait_for(disk.partition(number))
    serial = secrets.token_hex(4).upper()
    esp = Volume(device=disk.partition(2), uuid=f"{serial[:4]}-{serial[4:]}")
    machine.run(["mkfs.fat", "-F", "32", "-i", serial, esp.device])
    parts = [disk.partition(number) for number in range(first, last + 1)]
    with _made_file_systems(disk, layout, machine, esp, parts, passphrase=passphrase) as volumes:
        yield volumes


@contextlib.contextmanager
def added_volumes(
    disk: Disk, room: Room, layout: Layout, machine: Machine, *, passphrase: str = ""
) -> Iterator[Volumes]:
    """Add partitions in the free space of a disk, and make file systems: the others stay.

    While the body runs, what is encrypted is unlocked. Until it has ended well, the partitions have
    the name `UNFINISHED`, by which the next installation knows that they are free.
    """
    rows = [(_BOOT_MIB, _BOOT)] if layout.encrypted else []
    kind, start, lines, starts = _LOCKED if layout.encrypted else _ROOT, room.start_mib, [], []
    for size, (type_, _name) in (*rows, (0, kind)):
        span = size or room.start_mib + room.size_mib - start
        lines.append(f'start={start}MiB, size={span}MiB, type={type_}, name="{UNFINISHED}"\n')
        starts.append(start)
        start += span
    if room.unfinished:
        machine.run(["sfdisk", "--delete", disk.path, *room.unfinished])
    # Without --wipe, which would ask for a new table; what is in the new partitions goes.
    machine.run(
        ["sfdisk", "--append", "--wipe", "never", "--wipe-partitions", "always", disk.path],
        stdin="".join(lines),
    )
    parts = _parts_at(disk, starts, machine)
    for part in parts:
        machine.wait_for(part)
    with _made_file_systems(
        disk, layout, machine, room.esp, parts, passphrase=passphrase
    ) as volumes:
        yield replace(volumes, esp_folder=room.esp_folder, others=room.others)
    for part, (_size, (_type, name)) in zip(parts, (*rows, (0, kind)), strict=True):
        machine.run(["sfdisk", "--part-label", disk.path, part_number(part), name])


def part_number(device: str) -> str:
    """Return the number of a partition: "3" of "/dev/nvme0n1p3"."""
    return device[len(device.rstrip("0123456789")) :]


def _parts_at(disk: Disk, starts: Sequence[int], machine: Machine) -> list[str]:
    """Return the partitions that start at these MiB, whatever their numbers are."""
    table = json.loads(machine.run(["sfdisk", "--json", disk.path]))["partitiontable"]
    sector = int(table.get("sectorsize", 512))
    found = {int(each["start"]) * sector // _MIB: each["node"] for each in table["partitions"]}
    try:
        return [found[each] for each in starts]
    except KeyError as error:
        raise StepError(
            "{disk} does not have the new partitions",
            hint="Nothing of what was there has changed. See the log for what sfdisk said.",
            disk=disk.path,
        ) from error


@contextlib.contextmanager
def _made_file_systems(
    disk: Disk,
    layout: Layout,
    machine: Machine,
    esp: Volume,
    parts: Sequence[str],
    *,
    passphrase: str,
) -> Iterator[Volumes]:
    """Make the file systems in the partitions for boot, if there is one, and root."""
    boot = locked = None
    root = _volume(parts[-1])
    with contextlib.ExitStack() as stack:
        if layout.encrypted:
            boot, locked = _volume(parts[0]), root
            _make_file_system(FileSystem.EXT4, boot, machine)
            device = stack.enter_context(
                unlocked(locked.device, locked.uuid, passphrase=passphrase, machine=machine)
            )
            root = _volume(device)
        _make_file_system(layout.file_system, root, machine)
        yield Volumes(
            disk=disk.path, layout=layout, esp=esp, root=root, boot=boot, locked=locked
        )  # fmt: skip


def _table(layout: Layout) -> str:
    """Return the partition table as sfdisk(8) reads it."""
    rows = [(_BIOS_MIB, _BIOS), (_ESP_MIB, _ESP)]
    rows += [(_BOOT_MIB, _BOOT), (0, _LOCKED)] if layout.encrypted else [(0, _ROOT)]
    lines = [
        f'{f"size={size}MiB, " if size else ""}type={kind}, name="{name}"\n'
        for size, (kind, name) in rows
    ]
    return "".join(("label: gpt\n", *lines))


def _volume(device: str) -> Volume:
    return Volume(device=device, uuid=str(uuid.uuid4()))


def _make_file_system(kind: FileSystem, volume: Volume, machine: Machine) -> None:
    match kind:
        case FileSystem.EXT4:
            command = ["mkfs.ext4", "-q", "-F", "-O", _EXT4_FEATURES, "-U", volume.uuid]
        case FileSystem.BTRFS:
            command = ["mkfs.btrfs", "--quiet", "--force", "--uuid", volume.uuid]
        case FileSystem.XFS:
            command = ["mkfs.xfs", "-q", "-f", *_XFS_FEATURES, "-m", f"uuid={volume.uuid}"]
        case _:
            assert_never(kind)
    machine.run([*command, volume.device])
