"""Where things go on a stick, against values that were computed by hand."""

import struct
import zlib
from pathlib import Path

import pytest

from builder.basics.errors import HostError, UsageError
from builder.host.stick.guid_table import LINUX_TYPE, Span, read_guid_table
from builder.host.stick.iso_file import opened_iso
from builder.host.stick.layout import MARKS, Layout, Persistence, layout, needed_size, wipes
from tests.support.sticks import DISK_GUID, ISO_SIZE, iso_bytes, make_iso, patched

MIB = 1 << 20
GIB = 1 << 30
REST = Persistence(size=None)


def planned(
    folder: Path, *, size: int = GIB, wished: Persistence | None = REST, content: bytes = b""
) -> Layout:
    with opened_iso(make_iso(folder, content or iso_bytes(), sums=False)) as iso:
        return layout(iso, size=size, old=(), wished=wished)


def test_alone_the_iso_stays_as_it_is(tmp_path: Path) -> None:
    found = planned(tmp_path, wished=None)
    assert found.head == iso_bytes()[:MIB]
    assert (found.pieces, found.persistence) == ((), None)


def test_the_rest_of_a_stick_is_one_partition(tmp_path: Path) -> None:
    found = planned(tmp_path)
    # 1 GiB has the sectors 0 to 2097151: the last is the backup header, in front of it are 62 for
    # 248 entries of 128 bytes. The ISO ends at 7.35 MiB, so the partition starts at 8 MiB, and it
    # has whole MiB: 1024 - 8 - 1.
    assert found.persistence == Span(start=8 * MIB, size=1015 * MIB)
    assert found.number == 4


def test_the_first_sectors_are_as_computed_by_hand(tmp_path: Path) -> None:
    head = planned(tmp_path).head
    before = iso_bytes()[:MIB]
    mbr = bytes.fromhex("00000200eeffffff01000000ffff1f0080000100000001000000000001000000")
    assert head[446:478] == mbr
    assert head[:446] == before[:446]
    assert head[478:512] == before[478:512]
    assert head[1024 : 1024 + 384] == before[1024 : 1024 + 384]
    entry = head[1024 + 384 : 1024 + 512]
    assert entry[:16] == LINUX_TYPE
    assert struct.unpack_from("<QQQ", entry, 32) == (16384, 16384 + 1015 * 2048 - 1, 0)
    assert entry[56:].decode("utf-16-le").rstrip("\0") == "persistence"
    header = head[512:604]
    fields = struct.unpack("<8sIIIIQQQQ16sQIII", header)
    entries = zlib.crc32(head[1024 : 1024 + 248 * 128])
    assert fields[:3] == (b"EFI PART", 0x10000, 92)
    assert fields[3] == zlib.crc32(header[:16] + bytes(4) + header[20:])
    assert fields[4:] == (0, 1, 2097151, 64, 2097088, DISK_GUID, 2, 248, 128, entries)
    assert head[1024 + 248 * 128 :] == before[1024 + 248 * 128 :]


def test_the_backup_of_the_table_is_at_the_very_end(tmp_path: Path) -> None:
    found = planned(tmp_path)
    last = found.pieces[-1]
    assert last.at == 2097089 * 512
    assert last.at + len(last.content) == GIB
    assert last.content[: 248 * 128] == found.head[1024 : 1024 + 248 * 128]
    header = last.content[62 * 512 : 62 * 512 + 92]
    fields = struct.unpack("<8sIIIIQQQQ16sQIII", header)
    assert fields[3] == zlib.crc32(header[:16] + bytes(4) + header[20:])
    assert fields[4:11] == (0, 2097151, 1, 64, 2097088, DISK_GUID, 2097089)


def test_our_own_reader_takes_the_new_table(tmp_path: Path) -> None:
    table = read_guid_table(planned(tmp_path).head)
    assert table is not None
    assert table.partitions[3] == (4, Span(start=8 * MIB, size=1015 * MIB))


def test_a_disk_of_more_than_two_tib_has_a_cover_as_large_as_can_be(tmp_path: Path) -> None:
    head = planned(tmp_path, size=3 << 40, wished=Persistence(size=GIB)).head
    assert head[458:462] == b"\xff\xff\xff\xff"
    table = read_guid_table(head)
    assert table is not None
    assert table.backup == (3 << 31) - 1


def test_the_partition_is_as_large_as_was_said(tmp_path: Path) -> None:
    found = planned(tmp_path, wished=Persistence(size=100 * MIB + 5))
    assert found.persistence == Span(start=8 * MIB, size=100 * MIB)


def test_a_stick_that_does_not_end_with_a_mib_has_its_table_in_the_last_sector(
    tmp_path: Path,
) -> None:
    found = planned(tmp_path, size=GIB - 512)
    assert found.persistence == Span(start=8 * MIB, size=1015 * MIB)
    last = found.pieces[-1]
    assert last.at + len(last.content) == GIB - 512


def test_ids_follow_from_the_iso_and_the_partition(tmp_path: Path) -> None:
    def entry(found: Layout) -> bytes:
        return found.head[1024 + 384 + 16 : 1024 + 384 + 32]

    first, again = planned(tmp_path), planned(tmp_path)
    assert first == again
    assert entry(first) != entry(planned(tmp_path, wished=Persistence(size=100 * MIB)))
    other = iso_bytes()[:MIB]
    other = patched(other, 512 + 56, bytes(16))
    header = other[512 : 512 + 16] + bytes(4) + other[512 + 20 : 512 + 92]
    other = patched(other, 512 + 16, struct.pack("<I", zlib.crc32(header)))
    content = other + iso_bytes()[MIB:]
    assert entry(first) != entry(planned(tmp_path, content=content))


def test_all_pieces_are_behind_the_iso_and_none_overlaps_another(tmp_path: Path) -> None:
    pieces = sorted(planned(tmp_path).pieces, key=lambda piece: piece.at)
    position = ISO_SIZE
    for piece in pieces:
        assert piece.at >= position
        assert piece.at % 512 == len(piece.content) % 512 == 0
        assert len(piece.content) <= 4 * MIB
        position = piece.at + len(piece.content)


@pytest.mark.parametrize("size", [63 * MIB, 9 << 40])
def test_a_partition_of_a_strange_size_is_refused(tmp_path: Path, size: int) -> None:
    with pytest.raises(UsageError, match=r"has from 64\.0 MiB to 8\.0 TiB, not "):
        planned(tmp_path, wished=Persistence(size=size))


@pytest.mark.parametrize(
    ("size", "wished", "needed"),
    [
        (ISO_SIZE, REST, "73.0 MiB"),
        (72 * MIB, REST, "73.0 MiB"),
        (GIB, Persistence(size=1016 * MIB), "1.0 GiB"),
    ],
)
def test_a_stick_without_room_for_persistence_is_refused(
    tmp_path: Path, size: int, wished: Persistence, needed: str
) -> None:
    with pytest.raises(HostError, match=f"and {needed} is needed"):
        planned(tmp_path, size=size, wished=wished)


def test_an_iso_of_others_gets_no_persistence(tmp_path: Path) -> None:
    content = iso_bytes(preparer="XORRISO")
    with pytest.raises(UsageError, match="nothing says that its boot menu looks for persistence"):
        planned(tmp_path, content=content)


def test_an_iso_without_a_gpt_gets_no_persistence(tmp_path: Path) -> None:
    content = patched(iso_bytes(table=False), 446, bytes.fromhex("80000000 0c000000 40000000 ff"))
    with pytest.raises(UsageError, match="has no room for one more, or is not a GPT"):
        planned(tmp_path, content=content)


def test_a_new_file_is_as_large_as_needed(tmp_path: Path) -> None:
    with opened_iso(make_iso(tmp_path)) as iso:
        assert needed_size(iso, None) == ISO_SIZE
        size = needed_size(iso, Persistence(size=100 * MIB))
        assert size == 109 * MIB  # 8, 100, and one for the backup of the table
        found = layout(iso, size=size, old=(), wished=Persistence(size=100 * MIB))
        assert found.persistence == Span(start=8 * MIB, size=100 * MIB)
        with pytest.raises(UsageError, match="A new file has no rest that could be free"):
            needed_size(iso, REST)


def test_both_ends_of_all_that_is_old_are_erased() -> None:
    old = (Span(start=10 * MIB, size=100 * MIB), Span(start=200 * MIB, size=GIB))
    assert wipes(GIB, old) == (
        Span(start=0, size=MARKS),
        Span(start=10 * MIB, size=MARKS),
        Span(start=109 * MIB, size=MARKS),
        Span(start=200 * MIB, size=MARKS),
        Span(start=GIB - MARKS, size=MARKS),
    )


def test_what_lies_behind_the_end_or_is_small_is_no_problem() -> None:
    old = (Span(start=2 * GIB, size=MIB), Span(start=5 * MIB, size=512))
    assert wipes(GIB, old)[1:-1] == (Span(start=5 * MIB, size=512),)
    assert wipes(512, ()) == (Span(start=0, size=512),)


def test_both_ends_of_the_new_partition_are_erased_too(tmp_path: Path) -> None:
    found = planned(tmp_path, wished=Persistence(size=100 * MIB)).wipes
    assert Span(start=8 * MIB, size=MARKS) in found
    assert Span(start=107 * MIB, size=MARKS) in found
