"""Disks in files, partitioned as an installer would, with an empty root mounted; needs root."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.caches import PREFIX, command

BIOS_BOOT = "21686148-6449-6E6F-744E-656564454649"
ESP = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
_MAKE = {
    "ext4": ("mkfs.ext4", "-q", "-F", "-O", "^metadata_csum_seed,^orphan_file"),
    "btrfs": ("mkfs.btrfs", "--quiet", "--force"),
    "xfs": ("mkfs.xfs", "-q", "-f", "-i", "nrext64=0"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopDisk:
    """A disk in a file: a partition for GRUB, an EFI system partition, and a root."""

    image: Path
    device: str  # "/dev/loop1"
    mount: Path  # where the root is mounted

    def partition(self, number: int) -> str:
        """Return the device of a partition."""
        return f"{self.device}p{number}"


def has_vfat() -> bool:
    """Whether this kernel mounts a FAT."""
    subprocess.run(["modprobe", "vfat"], check=False, capture_output=True)
    return "\tvfat\n" in Path("/proc/filesystems").read_text("ascii")


@contextmanager
def made_disk(
    size: int, *, kind: str = "ext4", bios: bool = True, esp: bool = False
) -> Iterator[LoopDisk]:
    """Make one, and mount its root, and with `esp` its EFI system partition at boot/efi."""
    with ExitStack() as undo:
        place = Path(tempfile.mkdtemp(prefix=PREFIX, dir="/var/tmp"))
        undo.callback(place.rmdir)
        image, mount = place / "disk.img", place / "target"
        undo.callback(image.unlink, missing_ok=True)
        with image.open("wb") as stream:
            stream.truncate(size)
        first = BIOS_BOOT if bios else LINUX
        table = f"label: gpt\nsize=1MiB, type={first}\nsize=64MiB, type={ESP}\ntype={LINUX}\n"
        subprocess.run(["sfdisk", "--quiet", image], input=table.encode(), check=True)
        device = command("losetup", "--find", "--show", image).strip()
        undo.callback(command, "losetup", "--detach", device)
        command("partx", "--add", device)
        undo.callback(command, "partx", "--delete", device)
        disk = LoopDisk(image=image, device=device, mount=mount)
        for number in (1, 2, 3):
            _make_node(disk.partition(number), undo)
        command(*_MAKE[kind], disk.partition(3))
        mount.mkdir()
        undo.callback(mount.rmdir)
        command("mount", disk.partition(3), mount)
        undo.callback(command, "umount", "--recursive", mount)
        if esp:
            command("mkfs.fat", "-F", "32", disk.partition(2))
            (mount / "boot/efi").mkdir(parents=True)
            command(
                "mount", "-t", "vfat", "-o", "umask=0077", disk.partition(2), mount / "boot/efi"
            )
        yield disk


def _make_node(device: str, undo: ExitStack) -> None:
    """Make the node of a partition where nobody else does: in a container without udev."""
    if Path(device).exists():
        return
    major, minor = Path(f"/sys/class/block/{Path(device).name}/dev").read_text().split(":")
    with suppress(FileExistsError):
        os.mknod(device, 0o600 | 0o060000, os.makedev(int(major), int(minor)))
        undo.callback(Path(device).unlink)
