"""The regions of an ISO, in order and without gaps: what lies at which byte.

The system area is that of a GPT with a protective MBR (UEFI specification, 5.2 and 5.3), the
volume descriptors are those of ECMA-119, chapter 8. Space between files is named after the file
before it.
"""

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from builder.inside.explain.parts import Part
from builder.inside.iso.iso_report import BLOCK, Extent

_SECTOR: Final = 512
_DESCRIPTORS: Final = 16 * BLOCK
_MOST_DESCRIPTORS: Final = 64
_TERMINATOR: Final = 255
_DESCRIPTOR_NAMES: Final = {
    0: "El Torito boot record",
    1: "primary volume descriptor",
    2: "Joliet volume descriptor",
    _TERMINATOR: "end of the volume descriptors",
}
_MBR: Final = (
    ("MBR boot code", 0, 440),
    ("MBR disk signature", 440, 446),
    ("MBR partition table", 446, _SECTOR),
)
# Signature, revision, sizes and places, GUID; the last three: first block, number, size of entries
_GPT_HEADER: Final = struct.Struct("<8s16x32x16xQII")
_LARGEST_TABLE: Final = 128 << 10  # bytes
_SPACE: Final = "space behind "
DIRECTORIES: Final = "directories and path tables"


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A range of bytes in the ISO."""

    name: str  # a file's path, or what it is
    start: int
    size: int
    is_file: bool = False

    @property
    def is_space(self) -> bool:
        """Whether nothing known lies here."""
        return not self.is_file and self.name.startswith(_SPACE)

    def part(self, iso: Path) -> Part:
        """Return the bytes."""
        return Part(file=iso, start=self.start, size=self.size)


def partition_tables(iso: Path) -> list[Region]:
    """Return where the parts of the GPT and of its backup lie; a damaged one is left out."""
    return [*_gpt(iso, _SECTOR, ""), *_gpt(iso, iso.stat().st_size - _SECTOR, "backup ")]


def regions(iso: Path, extents: Sequence[Extent], tables: Sequence[Region]) -> list[Region]:
    """Return the regions of `iso`, whose files (and EFI system partition) lie at `extents`."""
    whole = iso.stat().st_size
    known = [
        *(Region(name=name, start=start, size=end - start) for name, start, end in _MBR),
        *tables,
        *_descriptors(iso),
        *_files(extents),
    ]
    return _unlike(_filled(sorted(known, key=lambda each: each.start), whole))


def _gpt(iso: Path, header: int, which: str) -> Iterator[Region]:
    """Yield a GPT's header and its entries, which lie where the header says."""
    with iso.open("rb") as stream:
        stream.seek(max(header, 0))
        block = stream.read(_GPT_HEADER.size)
    if len(block) < _GPT_HEADER.size or not block.startswith(b"EFI PART"):
        return
    _signature, first, number, size = _GPT_HEADER.unpack(block)
    yield Region(name=f"{which}GPT header", start=header, size=_SECTOR)
    if 0 < number * size <= _LARGEST_TABLE:
        name = f"{which}GPT partition entries"
        yield Region(name=name, start=first * _SECTOR, size=number * size)


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
        start = max(region.start, position)  # overlaps belong to the first region
        end = min(region.start + region.size, whole)
        if start > position:
            yield Region(
                name=_gap(before, had_files=had_files, start=position),
                start=position,
                size=start - position,
            )
        if end > start:
            yield Region(name=region.name, start=start, size=end - start, is_file=region.is_file)
            position = end
        before, had_files = region.name, had_files or region.is_file
    if position < whole:
        yield Region(name=_SPACE + before, start=position, size=whole - position)


def _unlike(found: Iterable[Region]) -> list[Region]:
    """Number regions of the same name, so that each name is unique."""
    seen = Counter[tuple[bool, str]]()
    named = []
    for region in found:
        key = (region.is_file, region.name)
        seen[key] += 1
        many = seen[key] > 1
        named.append(replace(region, name=f"{region.name} ({seen[key]})") if many else region)
    return named


def _gap(before: str, *, had_files: bool, start: int) -> str:
    if had_files:
        return _SPACE + before
    return "rest of the system area" if start < _DESCRIPTORS else DIRECTORIES
