"""Runs inside the builder image: makes /results/disk.img, which has a system and free space.

The system is one that says that it started, on the first serial port: a GRUB, both in a folder of
its own and where firmware looks by itself. A second partition is full of random bytes.
"""

import os
from pathlib import Path

from tests.boot.make_grub_stick import RESULTS, run

_SIZE = 16 << 30
_ESP = (1 << 20, 64 << 20)  # place and size, in bytes
_DATA = (65 << 20, 32 << 20)
_TABLE = """\
label: gpt
start=1MiB, size=64MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name="EFI"
start=65MiB, size=32MiB, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name="data"
"""
_CONFIG = """\
serial --unit=0
terminal_output serial
echo
echo the other system has started
sleep 1000
"""
_MODULES = ("serial", "terminal", "echo", "sleep", "part_gpt", "fat")


def main() -> None:
    """Make it."""
    folder = Path("/tmp/neighbour")
    folder.mkdir()
    (folder / "table").write_text(_TABLE)
    (folder / "config").write_text(_CONFIG)
    disk, esp, loader = RESULTS / "disk.img", folder / "esp", folder / "grub.efi"
    with disk.open("xb") as stream:
        stream.truncate(_SIZE)
    with esp.open("xb") as stream:
        stream.truncate(_ESP[1])
    run("sh", "-c", f"sfdisk --quiet {disk} < {folder / 'table'}")
    run("grub-mkimage", "--format", "x86_64-efi", "--prefix", "/nowhere",
        "--config", folder / "config", "--output", loader, *_MODULES)  # fmt: skip
    run("mkfs.fat", esp)
    run("mmd", "-i", esp, "::/EFI", "::/EFI/BOOT", "::/EFI/Other")
    run("mcopy", "-i", esp, loader, "::/EFI/BOOT/BOOTX64.EFI")
    run("mcopy", "-i", esp, loader, "::/EFI/Other/grubx64.efi")
    with disk.open("r+b") as stream:
        for (place, size), content in ((_ESP, esp.read_bytes()), (_DATA, os.urandom(_DATA[1]))):
            stream.seek(place)
            stream.write(content[:size])


if __name__ == "__main__":
    main()
