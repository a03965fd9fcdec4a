"""Runs inside the builder image: makes USB sticks with an ISO in /results, as people make them.

    python3 -m tests.starts.inside.sticks grub|mbr|gpt ISO STICK

`grub` is a multi-boot stick: another GRUB for every firmware, and the ISO as a file on a FAT32. Its
config does what such sticks do: https://www.supergrubdisk.org/wiki/Loopback.cfg. `mbr` and `gpt`
have the files of the ISO on a FAT32 and nothing else, as Rufus writes them in its ISO mode.
"""

import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from builder.border import paths
from tests.starts.inside.partition_tables import (
    FIRST,
    LAST_SECTORS,
    SECTOR,
    write_gpt,
    write_mbr,
)

RESULTS: Final = Path("/results")
_SPARE: Final = 64 << 20  # bytes; the smallest FAT32 has 33 MiB
_GRUB: Final = Path("/usr/lib/grub")
_SIGNED: Final = paths.SIGNED / "usr/lib"
_MODULES: Final = (
    "iso9660", "fat", "part_msdos", "part_gpt", "search", "search_fs_file", "loopback", "test",
    "configfile", "normal", "linux", "echo", "all_video", "font", "gfxterm",
)  # fmt: skip
_CONFIG: Final = """\
search --no-floppy --file --set=stick /isos/live.iso
set iso_path=/isos/live.iso
set timeout=1
export iso_path timeout
loopback loop ($stick)$iso_path
set root=loop
configfile (loop)/boot/grub/loopback.cfg
"""


def main(kind: str, iso: str, target: str) -> None:
    """Make a stick."""
    stick = RESULTS / target
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "files"
        files.mkdir()
        if kind == "grub":
            core = _put_grub(files)
            (files / "isos").mkdir()
            (files / "isos/live.iso").symlink_to(RESULTS / iso)
        else:
            core = b""
            _run("xorriso", "-no_rc", "-osirrox", "on", "-indev", RESULTS / iso,
                 "-extract", "/", files)  # fmt: skip
        size = (RESULTS / iso).stat().st_size + _SPARE
        _make(stick, kind, sectors=size // SECTOR, core=core)
        place = f"{stick}@@{FIRST * SECTOR}"
        for each in sorted(files.iterdir()):
            _run("mcopy", "-s", "-m", "-i", place, each, "::/")


def _make(stick: Path, kind: str, *, sectors: int, core: bytes) -> None:
    with stick.open("xb") as disk:
        disk.truncate(sectors * SECTOR)
        disk.write(core)
        if kind == "gpt":
            write_gpt(disk, sectors=sectors)
        else:
            write_mbr(disk, sectors=sectors, active=True)
    kibibytes = (sectors - FIRST - LAST_SECTORS) * SECTOR // 1024
    _run("mkfs.fat", "-F", "32", "--offset", FIRST, stick, kibibytes)


def _put_grub(files: Path) -> bytes:
    """Put GRUB for UEFI among the files; return the first sectors of a disk, for a BIOS."""
    for name in ("EFI/BOOT", "boot/grub"):
        (files / name).mkdir(parents=True)
    config = files / "boot/grub/grub.cfg"
    config.write_text(_CONFIG)
    for name, place in (
        ("shim/shimx64.efi.signed", "BOOTX64.EFI"),
        ("grub/x86_64-efi-signed/gcdx64.efi.signed", "grubx64.efi"),
    ):
        (files / "EFI/BOOT" / place).write_bytes((_SIGNED / name).read_bytes())
    _image("i386-efi", config, files / "EFI/BOOT/BOOTIA32.EFI")
    with tempfile.NamedTemporaryFile() as file:
        _image("i386-pc", config, Path(file.name), "biosdisk")
        core = Path(file.name).read_bytes()
    # The code of an MBR loads the sector at 0x5c, here the next one, and that all others.
    code = bytearray((_GRUB / "i386-pc/boot.img").read_bytes()[:440])
    struct.pack_into("<Q", code, 0x5C, 1)
    if len(core) > (FIRST - 1) * SECTOR:
        sys.exit("GRUB does not fit in front of the partition")
    return bytes(code).ljust(SECTOR, b"\0") + core


def _image(form: str, config: Path, target: Path, *modules: str) -> None:
    _run("grub-mkimage", "--format", form, "--prefix", "/boot/grub", "--config", config,
         "--output", target, *modules, *_MODULES)  # fmt: skip


def _run(*words: object) -> None:
    """Run a tool; what it prints is shown when it fails."""
    argv = [str(word) for word in words]
    environment = {**os.environ, "MTOOLS_SKIP_CHECK": "1"}
    subprocess.run(argv, check=True, stdout=sys.stderr, env=environment)


if __name__ == "__main__":
    main(*sys.argv[1:])
