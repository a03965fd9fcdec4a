"""The regions of an ISO, in order and without a gap: what lies at which byte.

The system area is that of a GPT with a protective MBR (UEFI specification, 5.2 and 5.3), the
volume descriptors are those of ECMA-119, chapter 8. What lies between the files is named after
what is before it.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.inside.explain.parts import Part
from builder.inside.iso_report import BLOCK, Extent

_SECTOR: Final = 512
_ENTRIES_END: Final = 34 * _SECTOR  # 128 entries of 128 bytes behind MBR and GPT header
_DESCRIPTORS: Final = 16 * BLOCK
_MOST_DESCRIPTORS: Final = 64
_TERMINATOR: Final = 255
_DESCRIPTOR_NAMES: Final = {
    0: "El Torito boot record",
    1: "primary volume descriptor",
    2: "Joliet volume descriptor",
    _TERMINATOR: "end of the volume descriptors",
}
_SYSTEM_AREA: Final = (
    ("MBR boot code", 0, 440),
    ("MBR disk signature", 440, 446),
    ("MBR partition table", 446, _SECTOR),
    ("GPT header", _SECTOR, 2 * _SECTOR),
    ("GPT partition entries", 2 * _SECTOR, _ENTRIES_END),
    ("rest of the system area", _ENTRIES_END, _DESCRIPTORS),
)
_BACKUP_GPT: Final = 33 * _SECTOR  # entries, then header, at the very end
DIRECTORIES: Final = "directories and path tables"


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A run of bytes of the ISO."""

    name: str  # a file's path, or what it is
    start: int
    size: int
    is_file: bool = False

    def part(self, iso: Path) -> Part:
        """Return the bytes."""
        return Part(file=iso, start=self.start, size=self.size)


def regions(iso: Path, extents: Sequence[Extent]) -> list[Region]:
    """Return the regions of `iso`, whose files (and EFI system partition) lie at `extents`."""
    whole = iso.stat().st_size
    known = [
        *_marks(_SYSTEM_AREA),
        *_descriptors(iso),
        *_files(extents),
        Region(name="backup GPT", start=whole - _BACKUP_GPT, size=_BACKUP_GPT),
    ]
    return list(_filled(sorted(known, key=lambda each: each.start), whole))


def _marks(rows: Iterable[tuple[str, int, int]]) -> Iterator[Region]:
    for name, start, end in rows:
        yield Region(name=name, start=start, size=end - start)


def _descriptors(iso: Path) -> Iterator[Region]:
    with iso.open("rb") as stream:
        stream.seek(_DESCRIPTORS)
        for number in range(_MOST_DESCRIPTORS):
            block = stream.read(BLOCK)
            if len(block) < BLOCK or block[1:6] != b"CD001":
                return
            (kind,) = struct.unpack_from("B", block)
            name = _DESCRIPTOR_NAMES.get(kind, f"volume descriptor {number}")
            yield Region(name=name, start=_DESCRIPTORS + number * BLOCK, size=BLOCK)
            if kind == _TERMINATOR:
                return


def _files(extents: Sequence[Extent]) -> Iterator[Region]:
    """Yield each file once; one over 4 GiB has several extents, which follow each other."""
    starts: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for extent in extents:
        starts.setdefault(extent.path, extent.start)
        sizes[extent.path] = sizes.get(extent.path, 0) + extent.size
    for path, start in starts.items():
        if sizes[path]:
            yield Region(name=path, start=start, size=sizes[path], is_file=True)


def _filled(known: Iterable[Region], whole: int) -> Iterator[Region]:
    position, before = 0, ""
    had_files = False
    for region in known:
        start = max(region.start, position)  # what overlaps is named by what comes first
        end = min(region.start + region.size, whole)
        if start > position:
            gap = f"space behind {before}" if had_files or not before else DIRECTORIES
            yield Region(name=gap, start=position, size=start - position)
        if end > start:
            yield Region(name=region.name, start=start, size=end - start, is_file=region.is_file)
            position = end
        before, had_files = region.name, had_files or region.is_file
    if position < whole:
        yield Region(name=f"space behind {before}", start=position, size=whole - position)
