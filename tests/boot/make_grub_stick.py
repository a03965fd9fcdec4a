"""Runs inside the builder image: makes the parts of a GRUB multi-boot stick in /results.

`stick.img` is a FAT32 with the ISO as a file; `grub.iso` is a CD with nothing but GRUB, whose
config does what such sticks do: https://www.supergrubdisk.org/wiki/Loopback.cfg
"""

import shutil
import subprocess
import sys
from pathlib import Path

RESULTS = Path("/results")
_SPARE = 64 << 20  # bytes; the smallest FAT32 has 33 MiB
_MODULES = (
    "biosdisk", "iso9660", "fat", "part_msdos", "search", "search_fs_file", "loopback", "test",
    "configfile", "normal", "linux", "echo",
)  # fmt: skip
_CONFIG = """\
search --no-floppy --file --set=stick /isos/live.iso
set iso_path=/isos/live.iso
set timeout=1
export iso_path timeout
loopback loop ($stick)$iso_path
set root=loop
configfile (loop)/boot/grub/loopback.cfg
"""


def main(iso: Path) -> None:
    """Make both."""
    stick = RESULTS / "stick.img"
    with stick.open("xb") as stream:
        stream.truncate(iso.stat().st_size + _SPARE)
    run("mkfs.fat", "-F", "32", stick)
    run("mmd", "-i", stick, "::/isos")
    run("mcopy", "-i", stick, iso, "::/isos/live.iso")
    cd = Path("/tmp/cd")
    cd.mkdir()
    config = cd.with_suffix(".cfg")
    config.write_text(_CONFIG)
    run("grub-mkimage", "--format", "i386-pc-eltorito", "--prefix", "/boot/grub",
        "--config", config, "--output", cd / "grub.img", *_MODULES)  # fmt: skip
    run("xorriso", "-no_rc", "-as", "mkisofs", "-b", "grub.img", "-no-emul-boot",
        "-boot-load-size", "4", "-boot-info-table", "-o", RESULTS / "grub.iso", cd)  # fmt: skip
    shutil.rmtree(cd)


def run(*words: object) -> None:
    """Run a tool; what it prints is shown when it fails."""
    subprocess.run([str(word) for word in words], check=True, stdout=sys.stderr)


if __name__ == "__main__":
    main(RESULTS / sys.argv[1])
