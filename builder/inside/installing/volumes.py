"""Partitions and file systems of the installed system: one layout that BIOS and UEFI both start.

Sources: sfdisk(8); the types of partitions are GPT's (UEFI specification, 5.3.3, and GRUB's manual,
"BIOS installation").
"""

import contextlib
import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, assert_never

from builder.basics.errors import StepError
from builder.formats.answers import FileSystem
from builder.inside.installing.disks import Disk
from builder.inside.installing.machine import Machine

_BIOS_MIB: Final = 1
_ESP_MIB: Final = 512
_SPARE_MIB: Final = 1024  # for initramfs, logs, and what a first start writes
_MIB: Final = 1 << 20
_OVERHEAD: Final = 1.15  # inodes, journal, and the share that is kept for root
_TABLE: Final = f"""\
label: gpt
size={_BIOS_MIB}MiB, type=21686148-6449-6E6F-744E-656564454649, name="BIOS boot"
size={_ESP_MIB}MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name="EFI system partition"
type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name="root"
"""
# What e2fsprogs 1.47 switches on and older ones, at every start, refuse to check.
_EXT4_FEATURES: Final = "^metadata_csum_seed,^orphan_file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Volumes:
    """The file systems of an installation, by their devices and UUIDs as blkid(8) says them."""

    disk: str
    esp: str
    esp_uuid: str
    root: str
    root_uuid: str
    file_system: FileSystem

    def fstab(self) -> str:
        """Return the lines of fstab(5) for them."""
        match self.file_system:
            case FileSystem.EXT4:
                options = "errors=remount-ro"
            case _:
                assert_never(self.file_system)
        return (
            "# <file system>  <mount point>  <type>  <options>  <dump>  <pass>\n"
            f"UUID={self.root_uuid}  /  {self.file_system}  {options}  0  1\n"
            f"UUID={self.esp_uuid}  /boot/efi  vfat  umask=0077  0  1\n"
        )


def needed_size(content: int) -> int:
    """Return how large a disk has to be, in bytes, for a system of `content` bytes."""
    return int(content * _OVERHEAD) + (_BIOS_MIB + _ESP_MIB + _SPARE_MIB) * _MIB


def make_volumes(disk: Disk, file_system: FileSystem, machine: Machine) -> Volumes:
    """Write a new partition table to a disk, and file systems: what was there is lost."""
    machine.run(["wipefs", "--all", "--force", disk.path])
    machine.run(
        ["sfdisk", "--wipe", "always", "--wipe-partitions", "always", disk.path], stdin=_TABLE
    )
    serial, root_uuid = secrets.token_hex(4).upper(), str(uuid.uuid4())
    volumes = Volumes(
        disk=disk.path,
        esp=disk.partition(2),
        esp_uuid=f"{serial[:4]}-{serial[4:]}",
        root=disk.partition(3),
        root_uuid=root_uuid,
        file_system=file_system,
    )
    for device in (volumes.esp, volumes.root):
        machine.wait_for(device)
    machine.run(["mkfs.fat", "-F", "32", "-i", serial, volumes.esp])
    match file_system:
        case FileSystem.EXT4:
            machine.run(
                ["mkfs.ext4", "-q", "-F", "-O", _EXT4_FEATURES, "-U", root_uuid, volumes.root]
            )
        case _:
            assert_never(file_system)
    return volumes


@contextlib.contextmanager
def mounted_root(volumes: Volumes, target: Path, machine: Machine) -> Iterator[None]:
    """Mount the root of the installation at `target` while the body runs."""
    with machine.mounted(volumes.root, target, kind=volumes.file_system.value):
        yield


@contextlib.contextmanager
def mounted_esp(volumes: Volumes, target: Path, machine: Machine) -> Iterator[None]:
    """Mount the EFI system partition of the installation whose root is mounted at `target`."""
    place = target / "boot/efi"
    if place.is_symlink() or place.parent.is_symlink():
        raise StepError("{path} of the system is a link; it has to be a folder", path=place)
    place.mkdir(parents=True, exist_ok=True)
    with machine.mounted(volumes.esp, place, kind="vfat", options=("umask=0077",)):
        yield
