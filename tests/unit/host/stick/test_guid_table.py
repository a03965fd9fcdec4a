"""The partition table of an ISO is read, whatever is wrong with it."""

import pytest

from builder.host.stick.guid_table import Span, read_guid_table, read_old_table
from tests.support.sticks import DISK_GUID, ISO_SIZE, iso_bytes, patched

SECTOR = 512


def test_the_table_of_an_iso_is_read() -> None:
    table = read_guid_table(iso_bytes()[: 1 << 20])
    assert table is not None
    assert table.guid == DISK_GUID
    assert (table.first_usable, table.backup, table.entries_at) == (64, 15051, 2)
    assert table.partitions == (
        (1, Span(start=64 * SECTOR, size=6132 * SECTOR)),
        (2, Span(start=6196 * SECTOR, size=8192 * SECTOR)),
        (3, Span(start=14388 * SECTOR, size=600 * SECTOR)),
    )
    assert table.spare_number == 4
    assert table.can_grow
    assert (table.backup + 1) * SECTOR == ISO_SIZE


@pytest.mark.parametrize(
    ("at", "new"),
    [
        (512, b"EFI PARX"),
        (512 + 12, b"\xff\xff\xff\xff"),  # the header's size
        (512 + 16, b"\0"),  # its checksum
        (512 + 24, b"\x02"),  # where it says it is
        (512 + 72, b"\x00\xff"),  # where the entries are
        (512 + 80, b"\xff\xff\xff\xff"),  # how many
        (512 + 84, b"\x00\x01"),  # how large
        (1024 + 32, b"\x41"),  # an entry
    ],
)
def test_a_damaged_table_is_none(at: int, new: bytes) -> None:
    assert read_guid_table(patched(iso_bytes()[: 1 << 20], at, new)) is None


def test_what_is_too_short_has_no_table() -> None:
    assert read_guid_table(b"") is None
    assert read_guid_table(iso_bytes()[:2000]) is None
    assert read_old_table(b"\x55\xaa") == ()


def test_the_entries_in_front_of_a_gpt_are_no_partitions() -> None:
    assert read_old_table(iso_bytes()[:512]) == ()


def test_the_entries_of_an_mbr_are() -> None:
    content = bytearray(512)
    content[510:] = b"\x55\xaa"
    content[462 + 4] = 0x0C
    content[462 + 8 : 462 + 16] = bytes.fromhex("0008000000100000")
    assert read_old_table(bytes(content)) == ((2, Span(start=2048 * SECTOR, size=4096 * SECTOR)),)
