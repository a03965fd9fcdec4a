"""The partition table of a stick: the GPT that an ISO brings along, and one partition more in it.

Sources: UEFI 2.10, 5.2.3 (the MBR in front of a GPT) and 5.3 (the GPT); all numbers little-endian.
xorriso 1.5.6 writes our ISOs with 248 entries at sector 2, and an empty entry in the MBR that is
marked active, since some old BIOSes start nothing else. That mark is kept.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

SECTOR: Final = 512  # bytes; what sticks have, and what the GPT of an ISO counts in
LINUX_TYPE: Final = bytes.fromhex("af3dc60f838472478e793d69d8477de4")  # 0FC63DAF-8483-4772-8E79-…

_HEADER: Final = struct.Struct("<8sIIIIQQQQ16sQIII")
_ENTRY: Final = struct.Struct("<16s16sQQQ72s")
_MAGIC: Final = b"EFI PART"
_MOST_ENTRIES: Final = 1024
_MBR_ENTRIES: Final = (446, 462, 478, 494)  # offsets in sector 0
_PROTECTIVE: Final = 0xEE
_NO_GEOMETRY: Final = b"\xff\xff\xff"  # an end that cylinders, heads and sectors cannot name


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A run of bytes on a stick."""

    start: int  # bytes
    size: int  # bytes

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.start + self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidTable:
    """A GPT, whose checksums are right."""

    guid: bytes  # of the disk, as it is stored
    first_usable: int  # sector
    backup: int  # the sector of the backup header
    entries_at: int  # sector
    entry_size: int  # bytes
    raw_entries: bytes

    @property
    def partitions(self) -> tuple[tuple[int, Span], ...]:
        """The partitions with their numbers, which count from 1."""
        return tuple(self._partitions())

    def _partitions(self) -> Iterator[tuple[int, Span]]:
        for position in range(0, len(self.raw_entries), self.entry_size):
            kind, _guid, first, last, _flags, _name = _ENTRY.unpack_from(self.raw_entries, position)
            if kind != bytes(16) and last >= first:
                span = Span(start=first * SECTOR, size=(last - first + 1) * SECTOR)
                yield position // self.entry_size + 1, span

    @property
    def spare_number(self) -> int:
        """The number of the entry behind the last one that is used."""
        return max((number for number, _span in self.partitions), default=0) + 1

    @property
    def can_grow(self) -> bool:
        """Whether an entry is free behind the last one."""
        return self.spare_number <= len(self.raw_entries) // self.entry_size


@dataclass(frozen=True, slots=True, kw_only=True)
class GrownTable:
    """The bytes of a table for a larger disk, with one partition more."""

    head: bytes  # from the first byte of the disk, as long as the one that was given
    tail: bytes  # up to the last byte of the disk
    number: int  # of the new partition


def read_guid_table(head: bytes) -> GuidTable | None:
    """Return the GPT at the start of a disk; None where there is none, or it is damaged."""
    if len(head) < 2 * SECTOR or head[SECTOR : SECTOR + 8] != _MAGIC:
        return None
    fields = _HEADER.unpack_from(head, SECTOR)
    _magic, _revision, size, checksum, _zero, own, backup, first, _last, guid, at = fields[:11]
    count, entry_size, entries_checksum = fields[11:]
    start, length = at * SECTOR, count * entry_size
    if not _HEADER.size <= size <= SECTOR or own != 1 or not 0 < count <= _MOST_ENTRIES:
        return None
    if entry_size != _ENTRY.size or start < 2 * SECTOR or start + length > len(head):
        return None
    header = bytearray(head[SECTOR : SECTOR + size])
    header[16:20] = bytes(4)
    entries = head[start : start + length]
    if zlib.crc32(header) != checksum or zlib.crc32(entries) != entries_checksum:
        return None
    return GuidTable(
        guid=guid,
        first_usable=first,
        backup=backup,
        entries_at=at,
        entry_size=entry_size,
        raw_entries=entries,
    )


def read_old_table(head: bytes) -> tuple[tuple[int, Span], ...]:
    """Return the partitions in the four entries of an MBR; the one in front of a GPT is none."""
    if len(head) < SECTOR or head[510:512] != b"\x55\xaa":
        return ()
    found = []
    for number, offset in enumerate(_MBR_ENTRIES, start=1):
        kind = head[offset + 4]
        first, count = struct.unpack_from("<II", head, offset + 8)
        if kind not in (0, _PROTECTIVE) and first and count:
            found.append((number, Span(start=first * SECTOR, size=count * SECTOR)))
    return tuple(found)


def usable_end(table: GuidTable, *, size: int) -> int:
    """Return where partitions must end on a disk of so many bytes: before the table's backup."""
    return size // SECTOR * SECTOR - SECTOR - _sectors(table) * SECTOR


def grown(
    head: bytes, table: GuidTable, *, size: int, partition: Span, guid: bytes, name: str
) -> GrownTable:
    """Return `table`, which is in `head`, for a disk of `size` bytes, with `partition` in it.

    The partition is for Linux, starts and ends with a sector, and lies before `usable_end`.
    """
    last = size // SECTOR - 1
    entries = bytearray(table.raw_entries)
    _ENTRY.pack_into(
        entries,
        (table.spare_number - 1) * table.entry_size,
        LINUX_TYPE,
        guid,
        partition.start // SECTOR,
        partition.end // SECTOR - 1,
        0,
        name.encode("utf-16-le"),
    )
    array = bytes(entries)
    backup_at = last - _sectors(table)
    new = bytearray(head)
    new[SECTOR : 2 * SECTOR] = _header(table, array, own=1, other=last, at=table.entries_at)
    new[table.entries_at * SECTOR : table.entries_at * SECTOR + len(array)] = array
    _cover(new, sectors=last)
    tail = array.ljust(_sectors(table) * SECTOR, b"\0")
    tail += _header(table, array, own=last, other=1, at=backup_at)
    return GrownTable(head=bytes(new), tail=tail, number=table.spare_number)


def _sectors(table: GuidTable) -> int:
    return -(-len(table.raw_entries) // SECTOR)


def _header(table: GuidTable, entries: bytes, *, own: int, other: int, at: int) -> bytes:
    """Return the sector of a header: `own` is its number, `other` that of its twin."""
    last_usable = max(own, other) - _sectors(table) - 1
    count = len(entries) // table.entry_size
    header = _HEADER.pack(
        _MAGIC, 0x00010000, _HEADER.size, 0, 0, own, other, table.first_usable, last_usable,
        table.guid, at, count, table.entry_size, zlib.crc32(entries),
    )  # fmt: skip
    checksum = struct.pack("<I", zlib.crc32(header))
    return (header[:16] + checksum + header[20:]).ljust(SECTOR, b"\0")


def _cover(head: bytearray, *, sectors: int) -> None:
    """Have the MBR's protective entry cover the whole disk; 2 TiB are the most that it can."""
    for offset in _MBR_ENTRIES:
        if head[offset + 4] == _PROTECTIVE:
            head[offset + 5 : offset + 8] = _NO_GEOMETRY
            struct.pack_into("<I", head, offset + 12, min(sectors, 0xFFFFFFFF))
