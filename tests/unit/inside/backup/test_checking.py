"""The kernel's counts of errors, and what a snapshot's files are known by."""

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from builder.border.backups import CheckRequest, Wholeness
from builder.inside.backup.checking import Reading, check, device_errors
from builder.inside.backup.recording import record_tree
from builder.inside.backup.records import Record, info_text, meta_text
from builder.inside.source.snapper import SnapperInfo, read_info
from builder.inside.source.unfinished import mark
from tests.support.systems import RecordingSystem
from tests.support.trees import make_cache, make_system, put

COUNTS = "write_errs 0\nread_errs 2\nflush_errs 0\ncorruption_errs 3\ngeneration_errs 0\n"


def test_errors_of_disks_are_what_the_kernel_counted(tmp_path: Path) -> None:
    put(tmp_path, "devinfo/1/error_stats", COUNTS)
    put(tmp_path, "devinfo/2/error_stats", "invalid\n")
    put(tmp_path, "devinfo/2/missing", "0\n")
    assert [*device_errors(tmp_path)] == ["1: read_errs 2", "1: corruption_errs 3"]
    assert [*device_errors(tmp_path / "none")] == []


@pytest.mark.parametrize("change", ["content", "mode", "new", "gone", "back"])
def test_whatever_is_done_to_a_file_shows(tmp_path: Path, change: str) -> None:
    root = make_system(tmp_path / "system")
    file = put(root, "etc/state", "one")
    os.utime(file, (7, 7))
    before = record_tree(root).tree
    assert before == record_tree(root).tree
    assert re.fullmatch("1:[0-9a-f]{32}", before)
    match change:
        case "content":
            file.write_text("two")
            os.utime(file, (7, 7))  # who hides it cannot set the time of change
        case "mode":
            file.chmod(0o600)
        case "new":
            put(root, "etc/new")
        case "gone":
            file.unlink()
        case _:
            file.chmod(0o600)
            file.chmod(0o644)
    assert record_tree(root).tree != before


@pytest.mark.parametrize("name", [".distroclone-builder-unfinished", ".snapshots/1/x"])
def test_what_comes_and_goes_at_the_top_does_not_count(tmp_path: Path, name: str) -> None:
    root = make_system(tmp_path / "system")
    before = record_tree(root)
    put(root, name, "x" * 100_000)
    assert record_tree(root) == before


def test_a_size_is_that_of_du(tmp_path: Path) -> None:
    root = make_system(tmp_path / "system")
    put(root, "opt/large", "x" * 300_000)
    (root / "opt/other name").hardlink_to(root / "opt/large")
    with (root / "opt/holes").open("wb") as stream:
        stream.truncate(1 << 30)
    said = subprocess.run(
        ["du", "-sx", "--block-size=1", root], check=True, capture_output=True, text=True
    )
    own = root.lstat().st_blocks * 512  # the top folder
    assert record_tree(root).size == int(said.stdout.split()[0]) - own


def test_a_tree_that_cannot_be_read_to_its_end_has_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_system(tmp_path / "system")
    usual = os.scandir

    def failing(path: bytes) -> object:
        if path.endswith(b"/etc/"):
            raise OSError(5, "Input/output error")
        return usual(path)

    monkeypatch.setattr(os, "scandir", failing)
    assert record_tree(root).tree == ""


def test_the_record_is_in_snappers_userdata(tmp_path: Path) -> None:
    record = Record(now=1_781_700_000, zone=0, distro="Debian 13", kernel="6.12", size=1,
                    tree="1:" + "a" * 32)  # fmt: skip
    place = put(tmp_path, "info.xml", info_text(record, number=7))
    found = read_info(place, number=7)
    assert isinstance(found, SnapperInfo)
    assert found.tree == "1:" + "a" * 32
    place.write_text(info_text(replace(record, tree=""), number=7))
    assert "<key>tree</key>" not in place.read_text()


def test_what_snapshots_share_is_read_once_and_links_lead_nowhere(tmp_path: Path) -> None:
    put(tmp_path, "one/etc/a", "12345")
    put(tmp_path, "one/.snapshots/1/x", "not read")
    (tmp_path / "one/link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "one/pipe")
    (tmp_path / "two").mkdir()
    (tmp_path / "two/b").hardlink_to(tmp_path / "one/etc/a")
    reading = Reading(expected=10, system=RecordingSystem())
    reading.read_all(tmp_path / "one")
    reading.read_all(tmp_path / "two")
    assert reading.read == 5


def test_a_plain_cache_is_compared_with_what_its_metadata_recorded(tmp_path: Path) -> None:
    base = make_cache(tmp_path / "cache")
    rootfs = base / ".rootfs_cache"

    def found() -> Wholeness:
        (one,) = check(CheckRequest(read_data=True), system=RecordingSystem(), base=base).snapshots
        assert (one.selector, one.read_only) == ("cache", False)
        return one.wholeness

    assert found() is Wholeness.UNKNOWN  # DistroClone Backup made it
    meta = meta_text(
        Record(now=0, zone=0, distro="Debian", kernel="", size=0, tree=record_tree(rootfs).tree),
        with_tree=True,
    )
    (base / ".backup_meta").write_text(meta)
    assert found() is Wholeness.WHOLE
    put(rootfs, "etc/new")
    assert found() is Wholeness.CHANGED
    mark(rootfs, now=0)
    assert found() is Wholeness.INCOMPLETE
