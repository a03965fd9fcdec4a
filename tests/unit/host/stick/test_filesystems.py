"""File systems are known by their marks."""

import pytest

from builder.host.stick.filesystems import FileSystem, ReadAt, file_system
from builder.host.stick.guid_table import Span
from tests.support.sticks import iso_bytes

START = 5 << 20  # bytes
SIZE = 1 << 20  # bytes


def reader(*marks: tuple[int, bytes]) -> ReadAt:
    content = bytearray(SIZE)
    for at, magic in marks:
        content[at : at + len(magic)] = magic

    def read_at(offset: int, size: int) -> bytes:
        return bytes(content[offset - START : offset - START + size])

    return read_at


@pytest.mark.parametrize(
    ("marks", "kind", "label"),
    [
        ([(32769, b"CD001"), (32808, b"DEMO".ljust(32))], "iso9660", "DEMO"),
        ([(0, b"LUKS\xba\xbe")], "LUKS", ""),
        ([(3, b"-FVE-FS-")], "BitLocker", ""),
        ([(512, b"LABELONE"), (536, b"LVM2 001")], "LVM", ""),
        ([(4096, b"\xfc\x4e\x2b\xa9")], "RAID", ""),
        ([(4086, b"SWAPSPACE2"), (1052, b"fast")], "swap", "fast"),
        ([(65600, b"_BHRfS_M"), (65835, b"data")], "btrfs", "data"),
        ([(0, b"XFSB"), (108, b"work")], "xfs", "work"),
        ([(1024, b"\x10\x20\xf5\xf2"), (1148, "f\xfc".encode("utf-16-le"))], "f2fs", "f\xfc"),
        ([(1080, b"\x53\xef"), (1144, b"old")], "ext2", "old"),
        ([(1080, b"\x53\xef"), (1116, b"\x04")], "ext3", ""),
        ([(1080, b"\x53\xef"), (1116, b"\x3c"), (1120, b"\xc2")], "ext4", ""),
        ([(32, b"NXSB")], "apfs", ""),
        ([(1024, b"H+")], "hfsplus", ""),
        ([(0, b"hsqs")], "squashfs", ""),
        ([(3, b"EXFAT   ")], "exfat", ""),
        ([(3, b"NTFS    ")], "ntfs", ""),
        ([(82, b"FAT32   "), (71, b"KEYS       ")], "vfat", "KEYS"),
        ([(54, b"FAT16   "), (43, b"KEYS       ")], "vfat", "KEYS"),
    ],
)
def test_a_file_system_is_known_with_its_label(
    marks: list[tuple[int, bytes]], kind: str, label: str
) -> None:
    found = file_system(reader(*marks), Span(start=START, size=SIZE))
    assert found == FileSystem(kind=kind, label=label)


def test_nothing_is_nothing() -> None:
    assert file_system(reader(), Span(start=START, size=SIZE)) is None


def test_a_mark_behind_the_end_of_a_partition_is_none_of_it() -> None:
    read_at = reader((32769, b"CD001"))
    assert file_system(read_at, Span(start=START, size=32770)) is None


def test_an_iso_is_one_although_it_has_boot_code() -> None:
    content = iso_bytes()
    found = file_system(lambda at, size: content[at : at + size], Span(start=0, size=len(content)))
    assert found == FileSystem(kind="iso9660", label="DEMO")


def test_a_label_steers_no_terminal() -> None:
    read_at = reader((3, b"\0"), (1080, b"\x53\xef"), (1144, b"a\x1b[31mb"))
    assert file_system(read_at, Span(start=START, size=SIZE)) == FileSystem(
        kind="ext2", label="a[31mb"
    )
