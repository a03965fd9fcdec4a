"""What is on the disk that a system is restored to: ids of file systems, and places for GRUB.

Sources: blkid(8) with --probe, sfdisk(8) with --json; GRUB's manual, "BIOS installation": its core
lies in a partition for that, or, with a table of the MBR, between that and the first partition.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from builder.basics.errors import StepError, UsageError
from builder.border.whole_systems import DiskRead, Part, ReadDiskRequest
from builder.inside.installing.volumes import BIOS, UEFI
from builder.inside.system.system import System
from builder.inside.system.tool_error import ToolError

_BIOS_BOOT: Final = "21686148-6449-6E6F-744E-656564454649"
_CORE: Final = 64 << 10  # bytes from the start of the disk that GRUB has to have for itself


def read_disk(request: ReadDiskRequest, *, system: System) -> DiskRead:
    """Return what is there. Raises UsageError where no firmware could start from it."""
    uuids = tuple(_uuid(each, system=system) for each in request.parts)
    platforms = tuple(
        name
        for name, there in (
            (BIOS, _has_place(_table(request.disk, system=system))),
            (UEFI, any(each.kind == "vfat" for each in request.parts)),
        )
        if there
    )
    if not platforms:
        raise UsageError(
            "No firmware could start a system from {disk}: it has no place for a boot loader",
            hint="For UEFI, mount an EFI system partition at boot/efi of the target. For BIOS, "
            '{disk} needs a partition of 1 MiB with the type "BIOS boot". Nothing was written.',
            disk=request.disk,
        )
    return DiskRead(uuids=uuids, platforms=platforms)


def _uuid(part: Part, *, system: System) -> str:
    output = system.run(["blkid", "--probe", "--output", "export", part.device])
    said = dict(line.partition("=")[::2] for line in output.split("\n"))
    if said.get("TYPE") != part.kind or not said.get("UUID"):
        raise StepError(
            "{device} is not the {kind} that is mounted",
            hint="Unmount the target, mount it again, and start over.",
            device=part.device,
            kind=part.kind,
        )
    return said["UUID"]


def _table(disk: str, *, system: System) -> Mapping[str, Any]:
    """Return the partition table; nothing where there is none that is known."""
    try:
        output = system.run(["sfdisk", "--json", disk])
    except ToolError:
        return {}
    table: Mapping[str, Any] = json.loads(output[output.find("{") :])["partitiontable"]
    return table


def _has_place(table: Mapping[str, Any]) -> bool:
    parts = table.get("partitions", ())
    if table.get("label") == "gpt":
        return any(each.get("type", "").upper() == _BIOS_BOOT for each in parts)
    sector = int(table.get("sectorsize", 512))
    return table.get("label") == "dos" and all(each["start"] * sector > _CORE for each in parts)
