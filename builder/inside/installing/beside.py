"""Beside another system: the free space of its disk, and its EFI system partition, which both use.

Nothing that is there is changed: partitions are added, and a folder to the EFI system partition.
What firmware starts by itself, EFI/BOOT, stays what it is; so the firmware gets an entry of its
own.

Sources: sfdisk(8); UEFI specification, 3.5.1.1 (what starts by itself), 5.3.3 (GPT), 13.3 (FAT,
which does not tell large letters from small ones).
"""

import contextlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from builder.basics.errors import StepError, UsageError
from builder.inside.installing.disks import Disk
from builder.inside.installing.machine import Machine, has_large_uefi, has_secure_boot
from builder.inside.installing.volumes import ESP_TYPE, UNFINISHED, Room, Volume, part_number

_MIB: Final = 1 << 20
_LEAST_ON_ESP: Final = 16 * _MIB  # for loaders, now and after an update
_COMMON: Final = "boot"  # what starts by itself, and belongs to no system
# Of what starts a system, the first that is there: first what firmware with Secure Boot takes.
_LOADERS: Final = (
    "shimx64.efi",
    "boot/bootmgfw.efi",
    "systemd-bootx64.efi",
    "grubx64.efi",
    "refind_x64.efi",
    "bootx64.efi",
)
_PLAIN: Final = re.compile(r"[A-Za-z0-9 ._+/-]+")  # that stands in a menu as it is
_ENTRY: Final = """\
menuentry 'Another system ({name})' {{
  insmod part_gpt
  insmod fat
  insmod chain
  search --no-floppy --fs-uuid --set=root {uuid}
  chainloader '{path}'
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """What else starts from an EFI system partition."""

    folders: tuple[str, ...] = ()  # in EFI, as they are written
    loaders: tuple[str, ...] = ()  # one of each: "/EFI/ubuntu/shimx64.efi"

    def free_name(self, name: str) -> str:
        """Return `name`, or `name`-2 and so on, whichever is no folder yet in any case."""
        taken = {each.casefold() for each in self.folders} | {_COMMON}
        number, found = 1, name
        while found.casefold() in taken:
            number += 1
            found = f"{name}-{number}"
        return found

    def entries(self, uuid: str) -> str:
        """Return the entries of GRUB's menu that start them; `uuid` is the partition's."""
        return "".join(
            _ENTRY.format(name=loader.split("/")[2], uuid=uuid, path=loader)
            for loader in self.loaders
        )


def find_room(disk: Disk, machine: Machine) -> Room:
    """Return the largest free space of a disk, and its EFI system partition.

    Raises UsageError where a system cannot be installed beside what is there.
    """
    _check_machine(machine)
    table = read_table(disk, machine)
    sector = int(table.get("sectorsize", 512))
    parts = [each for each in table.get("partitions", []) if each.get("name") != UNFINISHED]
    esp = _find_esp(disk, parts, machine)
    unit = _MIB // sector
    spans = sorted((int(each["start"]), int(each["start"]) + int(each["size"])) for each in parts)
    gaps, start = [], int(table["firstlba"])
    for first, end in (*spans, (int(table["lastlba"]) + 1, 0)):
        begin = -(-start // unit)  # in MiB, rounded to what is inside
        gaps.append((first // unit - begin, begin))
        start = max(start, end)
    size, begin = max(gaps)
    return Room(
        esp=esp,
        start_mib=begin,
        size_mib=max(size, 0),
        unfinished=_unfinished(table),
    )


def _find_esp(disk: Disk, parts: Sequence[Mapping[str, Any]], machine: Machine) -> Volume:
    """Return the first EFI system partition that has a file system."""
    asked = ("blkid", "--probe", "--match-tag", "UUID", "--output", "value")
    for each in parts:
        if each["type"].upper() == ESP_TYPE:
            with contextlib.suppress(StepError):  # there is nothing on it
                found = machine.run([*asked, each["node"]]).strip()
                if found:
                    return Volume(device=each["node"], uuid=found)
    raise UsageError(
        "{disk} has no EFI system partition, which both systems would use",
        hint="Nothing was written. Install to the whole of a disk instead.",
        disk=disk.path,
    )


def free_room(disk: Disk, machine: Machine) -> int:
    """Return how many bytes are free beside another system; 0 where nothing can be put there."""
    try:
        return find_room(disk, machine).size_mib * _MIB
    except (UsageError, StepError):
        return 0


def look_beside(disk: Disk, name: str, *, needed: int, place: Path, machine: Machine) -> Room:
    """Return where a system called `name` goes on a disk; `place` is an empty folder.

    Raises UsageError where there is no place for it, of `needed` bytes.
    """
    room = find_room(disk, machine)
    if room.size_mib * _MIB < needed:
        raise UsageError(
            "{disk} has {size} MiB free in one piece; the system needs {needed} MiB",
            hint="Nothing was written. Make a partition smaller in the system that it belongs to, "
            "or choose a smaller swap file.",
            disk=disk.path,
            size=room.size_mib,
            needed=-(-needed // _MIB),
        )
    found = find_neighbours(room, place, machine)
    return replace(room, esp_folder=found.free_name(name), others=found.entries(room.esp.uuid))


def find_neighbours(room: Room, place: Path, machine: Machine) -> Neighbours:
    """Return what starts from the EFI system partition, which is mounted at `place` to read.

    Raises UsageError where it has no space for one more.
    """
    with machine.mounted(room.esp.device, place, kind="vfat", options=("ro",)):
        status = os.statvfs(place)
        top = next((each for each in place.iterdir() if each.name.casefold() == "efi"), None)
        folders = sorted(each for each in top.iterdir() if each.is_dir()) if top is not None else []
        loaders = [found for each in folders if (found := _loader(each, place)) is not None]
    if status.f_bavail * status.f_frsize < _LEAST_ON_ESP:
        raise UsageError(
            "The EFI system partition {device} has less than {size} MiB left",
            hint="Nothing was written. Remove what is not needed there, such as folders of systems "
            "that are gone.",
            device=room.esp.device,
            size=_LEAST_ON_ESP // _MIB,
        )
    named = [each for each in loaders if each.split("/")[2].casefold() != _COMMON]
    return Neighbours(
        folders=tuple(each.name for each in folders),
        # What starts by itself is mostly a copy of one of them.
        loaders=tuple(named or loaders),
    )


def read_table(disk: Disk, machine: Machine) -> dict[str, Any]:
    """Return a partition table as sfdisk(8) tells it. Raises UsageError where it is no GPT."""
    try:
        table: dict[str, Any] = json.loads(machine.run(["sfdisk", "--json", disk.path]))[
            "partitiontable"
        ]
    except StepError:
        table = {}
    if table.get("label") != "gpt":
        raise UsageError(
            "{disk} has no partition table of GPT, which is needed beside another system",
            hint="Nothing was written. Install to the whole of a disk instead.",
            disk=disk.path,
        )
    return table


def _unfinished(table: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the numbers of what an installation left that was cut off."""
    parts = table.get("partitions", [])
    return tuple(part_number(each["node"]) for each in parts if each.get("name") == UNFINISHED)


def _check_machine(machine: Machine) -> None:
    if not has_large_uefi(machine):
        raise UsageError(
            "Beside another system, an installation needs a machine that started by 64-bit UEFI",
            hint="Nothing was written. Restart the medium by UEFI, or install to the whole of a "
            "disk.",
        )
    if has_secure_boot(machine):
        raise UsageError(
            "Beside another system, an installation cannot start with Secure Boot yet",
            hint="Nothing was written. Switch Secure Boot off in the firmware's settings, or "
            "install to the whole of a disk.",
        )


def _loader(folder: Path, top: Path) -> str | None:
    """Return what starts the system of a folder; None where there is nothing that we know."""
    files = {
        file.relative_to(folder).as_posix().casefold(): file
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
    found = next((files[each] for each in _LOADERS if each in files), None)
    if found is None:
        return None
    path = f"/{found.relative_to(top).as_posix()}"
    return path if _PLAIN.fullmatch(path) else None
