"""What an ISO is that goes onto a stick, and what lies beside it."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from builder.basics.errors import UsageError, VerificationError
from builder.host.stick.iso_file import IsoFile, Said, opened_iso
from tests.support.sticks import DISK_GUID, ISO_SIZE, iso_bytes, make_iso, patched


def look(path: Path) -> IsoFile:
    with opened_iso(path) as iso:
        return iso


def test_an_iso_of_ours_is_known_by_its_preparer(tmp_path: Path) -> None:
    iso = look(make_iso(tmp_path))
    assert iso.is_ours
    assert iso.made_by == "DISTROCLONE-BUILDER 0.1"
    assert (iso.label, iso.size, len(iso.head)) == ("DEMO", ISO_SIZE, 1 << 20)
    assert iso.epoch == int(datetime(2026, 1, 1, 12, 34, 56, tzinfo=UTC).timestamp())
    assert iso.table is not None
    assert iso.table.guid == DISK_GUID


def test_one_of_somebody_else_is_known_as_that(tmp_path: Path) -> None:
    content = iso_bytes(preparer="XORRISO-1.5.6")
    assert not look(make_iso(tmp_path, content)).is_ours


def test_a_date_that_is_none_is_the_epoch(tmp_path: Path) -> None:
    content = patched(iso_bytes(), 32768 + 830, b"2026990112345600")
    assert look(make_iso(tmp_path, content)).epoch == 0


@pytest.mark.parametrize(
    ("at", "new", "reason"),
    [
        (32769, b"CD002", "is not an ISO"),
        (510, b"\0\0", "does not start from a stick: it is an ISO for CDs only"),
        (0, bytes(440), "does not start from a stick: it is an ISO for CDs only"),
    ],
)
def test_what_would_not_start_is_refused(tmp_path: Path, at: int, new: bytes, reason: str) -> None:
    content = patched(iso_bytes(), at, new)
    with pytest.raises(UsageError, match=reason):
        look(make_iso(tmp_path, content))


def test_one_without_any_partition_is_refused(tmp_path: Path) -> None:
    content = iso_bytes(table=False)
    with pytest.raises(UsageError, match="does not start from a stick"):
        look(make_iso(tmp_path, content))


@pytest.mark.parametrize("missing", [1, 300_000])
def test_one_that_is_cut_off_is_refused(tmp_path: Path, missing: int) -> None:
    with pytest.raises(VerificationError, match="is cut off: it has 7"):
        look(make_iso(tmp_path, iso_bytes()[:-missing]))


def test_what_is_not_there_or_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        look(tmp_path / "none.iso")
    with pytest.raises(UsageError, match="cannot be read: it is no file"):
        look(tmp_path)


def test_the_digest_comes_from_sha256sums(tmp_path: Path) -> None:
    path = make_iso(tmp_path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert look(path).said == Said(sha256=digest, by="SHA256SUMS")


def test_nothing_is_said_where_nothing_lies_beside_it(tmp_path: Path) -> None:
    assert look(make_iso(tmp_path, sums=False)).said is None


def test_sums_of_other_files_say_nothing(tmp_path: Path) -> None:
    path = make_iso(tmp_path, sums=False)
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  other.iso\n")
    assert look(path).said is None


def test_sums_that_are_none_are_refused(tmp_path: Path) -> None:
    path = make_iso(tmp_path)
    (tmp_path / "SHA256SUMS").write_text("nothing\n")
    with pytest.raises(VerificationError, match="is not a checksum line"):
        look(path)
