"""Makes a system that was copied to a disk start from it, by the installer's own means.

Of what makes the system what it is, nothing is changed: its machine-id, keys, names and accounts
are those of the snapshot. Only what names the old disk is.
"""

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from builder.basics.errors import SourceError, StepError
from builder.border import paths
from builder.border.whole_systems import MadeStart, MakeStartRequest, Part
from builder.formats.answers import FileSystem
from builder.inside.backup.system import check_identity
from builder.inside.installing.machine import Machine
from builder.inside.installing.starting import inhabited, install_boot_loader, make_initramfs
from builder.inside.installing.volumes import StartingDisk
from builder.inside.onto_disk.looking import at, held, startable
from builder.inside.onto_disk.marking import marked, unmark
from builder.inside.onto_disk.tables import Table, new_crypttab, new_fstab
from builder.inside.rules.rule import add, expand, lines_of, put_lines
from builder.inside.tree.tree import Tree

_FSTAB: Final = "/etc/fstab"
_CRYPTTAB: Final = "/etc/crypttab"
_BEFORE: Final = ".before-restore"
_DEVICE_MAP: Final = "/boot/grub/device.map"  # of the old disks; GRUB needs none
_RESUME: Final = "/etc/initramfs-tools/conf.d/resume"
_GRUB: Final = ("/etc/default/grub", "/etc/default/grub.d/*.cfg")
_PARAMETER: Final = re.compile(r"""(?<=[\s"'=])resume(?:_offset)?=[^\s"']+\s?""")
# Where other file systems are mounted; a backup need not have the folders.
_PLACES: Final = {"dev": 0o755, "proc": 0o555, "sys": 0o555, "run": 0o755, "tmp": 0o1777}
_BY_UUID: Final = Path("/dev/disk/by-uuid")


def make_start(
    request: MakeStartRequest,
    *,
    machine: Machine,
    target: Path = paths.TARGET,
    by_uuid: Path = _BY_UUID,
    is_device: Callable[[Path, str], bool] | None = None,
) -> MadeStart:
    """Give it the tables, an initramfs for each kernel, and GRUB; then take the mark away.

    Raises StepError; the same command then goes on. `is_device` says whether a device is mounted
    at a place.
    """
    disk, read = request.target, request.read
    check_identity(disk.folder, target)
    if marked(target) != disk.snapshot:
        raise SourceError(
            "What is in the target is not what was restored there",
            hint="Something unmounted or changed it meanwhile. Mount it, and start over.",
        )
    for part in disk.parts:
        _check_device(part, target, is_device or _is_mounted_there)
    _show_ids(disk.parts, read.uuids, by_uuid)
    tree = Tree(target, clock=int(time.time()))
    kernels = startable(tree)
    tables = [*_write_tables(tree, request)]
    _forget_old_disks(tree)
    for name, mode in _PLACES.items():
        place = tree.root / name
        if not os.path.lexists(place):
            place.mkdir()
            place.chmod(mode)
    start = _starting(request)
    with inhabited(tree, start, machine):
        machine.note("Making an initramfs for each kernel")
        make_initramfs(tree, kernels, start, machine)
        machine.note("Installing the boot loader")
        install_boot_loader(tree, start, machine)
    os.sync()
    for part in held(disk.parts):  # the root first: without its mark, all is done
        unmark(at(target, part))
    return MadeStart(
        kernels=kernels,
        platforms=read.platforms,
        switched_off=tuple(line for each in tables for line in each.switched_off),
        optional=tuple(place for each in tables for place in each.optional),
    )


def _starting(request: MakeStartRequest) -> StartingDisk:
    by_place = dict(zip((each.place for each in request.target.parts), request.read.uuids,
                        strict=True))  # fmt: skip
    root = request.target.parts[0]
    return StartingDisk(
        disk=request.target.disk,
        root_uuid=by_place["/"],
        file_system=FileSystem(root.kind),
        subvolume=root.subvolume,
        boot_uuid=by_place.get("/boot", ""),
        platforms=request.read.platforms,
    )


def _check_device(part: Part, target: Path, is_device: Callable[[Path, str], bool]) -> None:
    if not is_device(at(target, part), part.device):
        raise StepError(
            "{device} is not what is mounted at {place} of the target",
            hint="Unmount the target, mount it again, and start over.",
            device=part.device,
            place=part.place,
        )


def _is_mounted_there(place: Path, device: str) -> bool:
    """Whether the device's file system is at the place; a btrfs has a number of its own."""
    numbers = Path(device).stat().st_rdev, place.stat().st_dev
    return numbers[0] == numbers[1] or os.major(numbers[1]) == 0


def _show_ids(parts: tuple[Part, ...], uuids: tuple[str, ...], folder: Path) -> None:
    """Have the devices by their ids, where GRUB's programs look: no udev does it in a container."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, uuid in zip(parts, uuids, strict=True):
        link = folder / uuid
        link.unlink(missing_ok=True)
        link.symlink_to(part.device)


def _write_tables(tree: Tree, request: MakeStartRequest) -> Iterator[Table]:
    """Write fstab and crypttab; what they were stays beside them."""
    old = _before(tree, _FSTAB)
    table = new_fstab(
        old,
        request.target.parts,
        request.read.uuids,
        has_content=lambda place: bool(tree.listdir(place)),
        kept_as=f"{_FSTAB}{_BEFORE}",
    )
    add(tree, _FSTAB, table.text.encode("utf-8", "surrogateescape"))
    yield table
    if tree.is_file(_CRYPTTAB):
        table = new_crypttab(_before(tree, _CRYPTTAB))
        add(tree, _CRYPTTAB, table.text.encode("utf-8", "surrogateescape"))
        yield table


def _before(tree: Tree, path: str) -> str:
    """Return a table as the snapshot has it, and keep it beside."""
    if not tree.is_file(path):
        return ""
    content = tree.read_bytes(path)
    add(tree, f"{path}{_BEFORE}", content)
    return content.decode("utf-8", "surrogateescape")


def _forget_old_disks(tree: Tree) -> None:
    """Take out what would wait at each start for swap space that is not there."""
    for path in expand(tree, (_DEVICE_MAP, _RESUME)):
        tree.remove(path)
    for path in expand(tree, _GRUB):
        lines = lines_of(tree, path)
        if lines is not None:
            put_lines(tree, path, [
                _PARAMETER.sub("", line) if line.startswith("GRUB_CMDLINE_LINUX") else line
                for line in lines
            ])  # fmt: skip
