"""The commands that make what a firmware starts: GRUB's images and the EFI system partition.

`grub-mkimage` with an embedded config gives the same bytes every time, `grub-mkrescue` does not.
The partition is a file from the beginning: no mount, no loop device.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from builder.inside.medium.identity import MediumId

_MODULES: Final = (
    # find the medium
    "part_gpt", "part_msdos", "iso9660", "fat", "search", "search_fs_file",
    # show the menu
    "normal", "configfile", "test", "true", "echo",
    "terminal", "serial", "font", "gfxterm", "all_video",
    # start a system, or help somebody whose system does not start
    "linux", "sleep", "reboot", "halt", "minicmd", "ls", "cat",
)  # fmt: skip
_BIOS_MODULES: Final = ("biosdisk", *_MODULES)
_UEFI_MODULES: Final = ("efi_gop", "efi_uga", "efifwsetup", *_MODULES)

_MEBIBYTE: Final = 1 << 20
_FAT_OVERHEAD: Final = 1 << 19  # both FATs and the root directory of a partition of some MiB
_LABEL: Final = "DCB_ESP    "  # eleven characters, or mkfs.fat fills up with what memory holds


def bios_image_argv(*, config: Path, target: Path) -> list[str]:
    """Return the command for the image that a BIOS starts, from CD and from disk alike."""
    return _image_argv("i386-pc-eltorito", config=config, target=target, modules=_BIOS_MODULES)


def uefi_image_argv(*, config: Path, target: Path) -> list[str]:
    """Return the command for BOOTX64.EFI."""
    return _image_argv("x86_64-efi", config=config, target=target, modules=_UEFI_MODULES)


def _image_argv(form: str, *, config: Path, target: Path, modules: Sequence[str]) -> list[str]:
    return [
        "grub-mkimage",
        "--format", form,
        "--prefix", "/boot/grub",
        "--config", os.fspath(config),
        "--output", os.fspath(target),
        *modules,
    ]  # fmt: skip


def partition_size(sizes: Iterable[int]) -> int:
    """Return the bytes of a partition that holds files of `sizes`: whole MiB."""
    needed = sum(sizes) + _FAT_OVERHEAD
    return -(-needed // _MEBIBYTE) * _MEBIBYTE


def partition_argvs(
    partition: Path, *, identity: MediumId, files: Sequence[tuple[Path, PurePosixPath]]
) -> list[list[str]]:
    """Return the commands that fill the file `partition` with `files` (source, place in it).

    The file must be there, all zeros, in its full size.
    """
    image = os.fspath(partition)
    places = sorted((place, source) for source, place in files)
    folders = sorted({folder for place, _source in places for folder in place.parents[:-1]})
    return [
        ["mkfs.fat", "--invariant", "-i", identity.fat_serial, "-n", _LABEL, image],
        *(["mmd", "-i", image, f"::/{folder}"] for folder in folders),
        *(
            ["mcopy", "-m", "-i", image, os.fspath(source), f"::/{place}"]
            for place, source in places
        ),
    ]
