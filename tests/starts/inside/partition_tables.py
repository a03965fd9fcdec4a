"""Partition tables with one partition, as tools for sticks write them.

Sources: UEFI specification 2.10, chapter 5 (MBR and GPT).
"""

import struct
import uuid
import zlib
from typing import BinaryIO, Final

SECTOR: Final = 512
FIRST: Final = 2048  # where the partition starts, in sectors
LAST_SECTORS: Final = 34  # behind it: the second GPT
_FAT32: Final = 0x0C
_PROTECTIVE: Final = 0xEE
_BASIC_DATA: Final = uuid.UUID("EBD0A0A2-B9E5-4433-87C0-68B6B72699C7")
_DISK: Final = uuid.UUID("0b5e55ed-0000-4000-8000-000000000001")
_PARTITION: Final = uuid.UUID("0b5e55ed-0000-4000-8000-000000000002")
_ENTRIES: Final = 128
_ENTRY_SIZE: Final = 128


def write_mbr(disk: BinaryIO, *, sectors: int, active: bool) -> None:
    """Write the table of a PC; code in front of it stays."""
    count = sectors - FIRST - LAST_SECTORS
    _write_mbr(disk, _FAT32, first=FIRST, count=count, active=active)


def write_gpt(disk: BinaryIO, *, sectors: int) -> None:
    """Write a GPT at both ends, and the protective MBR."""
    _write_mbr(disk, _PROTECTIVE, first=1, count=sectors - 1, active=False)
    entry = struct.pack(
        "<16s16sQQQ72s",
        _BASIC_DATA.bytes_le,
        _PARTITION.bytes_le,
        FIRST,
        sectors - LAST_SECTORS - 1,
        0,
        "stick".encode("utf-16-le"),
    )
    entries = entry.ljust(_ENTRIES * _ENTRY_SIZE, b"\0")
    last = sectors - 1
    for here, there, place in ((1, last, 2), (last, 1, last - 32)):
        disk.seek(place * SECTOR)
        disk.write(entries)
        disk.seek(here * SECTOR)
        disk.write(_header(entries, here=here, there=there, place=place, last=sectors))


def _write_mbr(disk: BinaryIO, kind: int, *, first: int, count: int, active: bool) -> None:
    disk.seek(446)
    disk.write(
        struct.pack(
            "<B3sB3sII", 0x80 if active else 0, b"\xfe\xff\xff", kind, b"\xfe\xff\xff", first, count
        )
    )
    disk.seek(510)
    disk.write(b"\x55\xaa")


def _header(entries: bytes, *, here: int, there: int, place: int, last: int) -> bytes:
    def packed(checksum: int) -> bytes:
        return struct.pack(
            "<8sIIIIQQQQ16sQIII",
            b"EFI PART",
            0x10000,
            92,
            checksum,
            0,
            here,
            there,
            LAST_SECTORS,
            last - LAST_SECTORS - 1,
            _DISK.bytes_le,
            place,
            _ENTRIES,
            _ENTRY_SIZE,
            zlib.crc32(entries),
        )

    return packed(zlib.crc32(packed(0)))
