"""Mounts the file systems of an installation below its folder, and makes what is on btrfs."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from builder.basics.errors import StepError
from builder.formats.answers import FileSystem
from builder.inside.installing.machine import Machine
from builder.inside.installing.volumes import Volumes


@contextlib.contextmanager
def mounted_root(volumes: Volumes, target: Path, machine: Machine) -> Iterator[None]:
    """Mount all but the EFI system partition at and below `target` while the body runs."""
    device, kind = volumes.root.device, volumes.layout.file_system
    subvolumes = volumes.layout.subvolumes
    if subvolumes:
        with machine.mounted(device, target, kind=kind):
            for name, _place in subvolumes:
                machine.run(["btrfs", "subvolume", "create", os.fspath(target / name)])
    with contextlib.ExitStack() as stack:
        if not subvolumes:
            stack.enter_context(machine.mounted(device, target, kind=kind))
        for name, place in subvolumes:
            point = target / place.lstrip("/")
            point.mkdir(exist_ok=True)
            stack.enter_context(
                machine.mounted(device, point, kind=kind, options=(f"subvol={name}",))
            )
        if volumes.boot is not None:
            point = target / "boot"
            point.mkdir(exist_ok=True)
            stack.enter_context(
                machine.mounted(volumes.boot.device, point, kind=FileSystem.EXT4)
            )  # fmt: skip
        yield


@contextlib.contextmanager
def mounted_esp(volumes: Volumes, target: Path, machine: Machine) -> Iterator[None]:
    """Mount the EFI system partition of the installation whose root is mounted at `target`."""
    place = target / "boot/efi"
    if place.is_symlink() or place.parent.is_symlink():
        raise StepError(
            "{path} of the system is a link; it has to be a folder",
            hint="Make it one in the source system, then build the ISO again.",
            path=place,
        )
    place.mkdir(parents=True, exist_ok=True)
    with machine.mounted(volumes.esp.device, place, kind="vfat", options=("umask=0077",)):
        yield


def make_swap(volumes: Volumes, target: Path, machine: Machine) -> None:
    """Make the swap file, if there is to be one."""
    file, size = volumes.layout.swap_file, volumes.layout.swap_mib
    if file is None:
        return
    path = os.fspath(target / file.lstrip("/"))
    if volumes.layout.file_system is FileSystem.BTRFS:
        # It must be neither compressed nor copied on write, which this sees to.
        machine.run(["btrfs", "filesystem", "mkswapfile", "--size", f"{size}m", path])
        return
    machine.run(["fallocate", "--length", f"{size}MiB", path])
    machine.run(["chmod", "600", path])
    machine.run(["mkswap", path])
