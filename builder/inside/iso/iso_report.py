"""What xorriso reports about a finished ISO, and whether firmware can boot it.

The lines are those of `xorriso -report_el_torito plain -report_system_area plain` and of
`-exec report_lba`, as xorriso 1.5.6 prints them (man xorriso, "Inspecting").
"""

import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.errors import VerificationError

BLOCK: Final = 2048  # bytes of an ISO 9660 block
_SECTOR: Final = 512  # bytes; the unit of partition tables
ESP_TYPE: Final = "28732ac11ff8d211ba4b00a0c93ec93b"  # C12A7328-F81F-11D2-BA4B-00A0C93EC93B

_DEFECT: Final = "This is a bug in distroclone-builder; please report it with the log."

_ROW: Final = re.compile(r"(?P<name>[A-Za-z][^:]*?) *: +(?P<words>.*)")
_DATA: Final = re.compile(
    r"File data lba: *[0-9]+ , *(?P<start>[0-9]+) , *(?P<blocks>[0-9]+) , *(?P<size>[0-9]+) , "
    r"(?P<path>.+)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """A range of bytes in the ISO that holds (a part of) the file `path`."""

    path: str  # "live/filesystem.squashfs"
    start: int  # bytes
    size: int  # bytes


def layout_argv(iso: Path) -> list[str]:
    """Return the command that reports boot images and partitions."""
    return [
        "xorriso", "-no_rc", "-indev", os.fspath(iso),
        "-report_el_torito", "plain", "-report_system_area", "plain",
    ]  # fmt: skip


def files_argv(iso: Path) -> list[str]:
    """Return the command that reports where the data of every file lies."""
    return [
        "xorriso", "-no_rc", "-indev", os.fspath(iso),
        "-find", "/", "-type", "f", "-exec", "report_lba", "--",
    ]  # fmt: skip


def check_layout(report: str) -> Extent:
    """Check that the ISO boots on BIOS and UEFI, as CD and as disk; return its ESP.

    Raises VerificationError, naming what is missing.
    """
    rows = list(_rows(report))
    images = [words for name, words in rows if name == "El Torito boot img"]
    bootable = {words[1]: words for words in images if len(words) >= 8 and words[2] == "y"}
    summary = [word for name, words in rows if name == "System area summary" for word in words]
    active = any(name == "MBR partition" and words[1:2] == ["0x80"] for name, words in rows)
    partition = _system_partition(rows)
    facts: Mapping[str, bool] = {
        "the El Torito image for BIOS": "BIOS" in bootable,
        "the El Torito image for UEFI": "UEFI" in bootable,
        "GRUB's code in the MBR": {"MBR", "grub2-mbr"} <= set(summary),
        "an active partition in the MBR": active,
        "the GPT": "GPT" in summary,
        "the EFI system partition": partition is not None,
    }
    missing = [name for name, present in facts.items() if not present]
    if missing or partition is None:
        raise VerificationError("The ISO lacks {missing}", hint=_DEFECT, missing=", ".join(missing))
    if int(bootable["UEFI"][7]) * BLOCK != partition.start:
        raise VerificationError(
            "The UEFI boot image of the ISO is not its EFI system partition", hint=_DEFECT
        )
    return partition


def parse_files(report: str) -> tuple[Extent, ...]:
    """Return where the data of files is. A file over 4 GiB has several extents, in order."""
    extents: list[Extent] = []
    seen: dict[str, int] = {}
    for line in report.splitlines():
        row = _DATA.fullmatch(line.strip())
        if not row:
            continue
        path = shlex.split(row["path"])[0].lstrip("/")
        size = min(int(row["blocks"]) * BLOCK, int(row["size"]) - seen.get(path, 0))
        seen[path] = seen.get(path, 0) + size
        extents.append(Extent(path=path, start=int(row["start"]) * BLOCK, size=size))
    return tuple(extents)


def _system_partition(rows: Sequence[tuple[str, list[str]]]) -> Extent | None:
    numbers = {
        words[0] for name, words in rows if name == "GPT type GUID" and words[1:] == [ESP_TYPE]
    }
    for name, words in rows:
        if name == "GPT start and size" and words[0] in numbers:
            start, size = (int(word) * _SECTOR for word in words[1:3])
            return Extent(path="", start=start, size=size)
    return None


def _rows(report: str) -> Iterator[tuple[str, list[str]]]:
    for line in report.splitlines():
        row = _ROW.fullmatch(line.strip())
        if row:
            yield row["name"], row["words"].split()
