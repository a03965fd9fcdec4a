"""The commands that make what firmware boots: GRUB's images and the EFI system partition.

`grub-mkimage` with an embedded config is reproducible, `grub-mkrescue` is not. The partition is
written as a file: no mount, no loop device.
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
_LABEL: Final = "DCB_ESP    "  # eleven characters, or mkfs.fat pads it with uninitialized memory


def bios_image_argv(*, config: Path, target: Path) -> list[str]:
    """Return the command for the image that a BIOS boots, from CD and from disk."""
    return _image_argv("i386-pc-eltorito", config=config, target=target, modules=_BIOS_MODULES)


def uefi_image_argv(*, config: Path, target: Path) -> list[str]:
    """Return the command for BOOTX64.EFI."""
    return _image_argv("x86_64-efi", config=config, target=target, modules=_UEFI_MODULES)


def uefi32_image_argv(*, config: Path, target: Path) -> list[str]:
    """Return the command for BOOTIA32.EFI: 32-bit firmware starts no other, on any processor."""
    return _image_argv("i386-efi", config=config, target=target, modules=_UEFI_MODULES)


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
    """Return the size in bytes of a partition for files of `sizes`: whole MiB."""
    needed = sum(sizes) + _FAT_OVERHEAD
    return -(-needed // _MEBIBYTE) * _MEBIBYTE


def partition_argvs(
    partition: Path, *, identity: MediumId, files: Sequence[tuple[Path, PurePosixPath]]
) -> list[list[str]]:
    """Return the commands that fill the file `partition` with `files` (source, place in it).

    The file must exist in its full size, with all zeros.
    """
    image = os.fspath(partition)
    places = sorted((place, source) for source, place in files)
    directories = sorted(
        {directory for place, _source in places for directory in place.parents[:-1]}
    )
    return [
        ["mkfs.fat", "--invariant", "-i", identity.fat_serial, "-n", _LABEL, image],
        *(["mmd", "-i", image, f"::/{directory}"] for directory in directories),
        *(
            ["mcopy", "-m", "-i", image, os.fspath(source), f"::/{place}"]
            for place, source in places
        ),
    ]
