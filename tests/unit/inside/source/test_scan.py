"""What the scan of a plain directory reports, a cache or a tree; btrfs is in tests/container."""

import os
from pathlib import Path

import pytest

from builder.basics.codec import from_data, to_data
from builder.basics.errors import SourceError
from builder.basics.texts import render
from builder.border.cache_report import CacheReport
from builder.border.requests import ScanRequest
from builder.border.source import SourceKind
from builder.formats.snapshot import SnapshotKind
from builder.inside.jobs.scan import scan
from builder.inside.source.scan import find_base, is_nobodys, scan_cache, scan_tree
from builder.inside.source.unfinished import mark, unmark
from tests.support.machines import snapshot
from tests.support.systems import RecordingSystem
from tests.support.trees import KERNEL, make_cache, make_system, put


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return make_cache(tmp_path / "SysLinuxOS_backup")


def skipped_of(report: CacheReport) -> dict[str, str]:
    return {each.path: each.reason.message for each in report.skipped}


def test_a_plain_directory_offers_the_cache_alone(base: Path) -> None:
    report = scan_cache(base)
    (cache,) = report.candidates
    assert (cache.selector, cache.kind) == ("cache", SnapshotKind.CACHE)
    assert (cache.path, cache.size, cache.taken) == (".rootfs_cache", "8.2G", 1781706605)
    assert (cache.subvolume, cache.read_only, cache.uuid) == (False, False, "")
    assert cache.complete
    assert cache.system is not None
    assert (report.base, report.date) == (".", "2026-06-17 14:30:05")
    assert (report.distro, report.size) == ("SysLinuxOS", "8.2G")
    assert (report.skipped, report.warnings) == ((), ())
    assert report.filesystem not in ("", "btrfs")


def test_a_cache_whose_backup_did_not_finish_is_not_complete(base: Path) -> None:
    mark(base / ".rootfs_cache", now=7)
    (cache,) = scan_cache(base).candidates
    assert "did not finish" in cache.problems[0].message
    unmark(base / ".rootfs_cache")
    assert scan_cache(base).candidates[0].complete


def test_a_report_survives_the_way_to_the_host(base: Path) -> None:
    put(base, ".rootfs_cache/.snapshots/1/info.xml", "x")
    put(base, ".rootfs_cache/var/lib/dpkg/status")
    report = scan_cache(base)
    assert from_data(CacheReport, to_data(report)) == report


def test_scanning_changes_nothing(base: Path) -> None:
    before = snapshot(base)
    scan_cache(base)
    assert snapshot(base) == before


@pytest.mark.parametrize(
    ("gone", "named"),
    [
        ((".rootfs_cache",), [".rootfs_cache/"]),
        ((".backup_meta",), [".backup_meta (No such file"]),
        ((".rootfs_cache", ".backup_meta"), [".rootfs_cache/", ".backup_meta (No such file"]),
    ],
)
def test_each_missing_condition_is_named(
    base: Path, gone: tuple[str, ...], named: list[str]
) -> None:
    for name in gone:
        (base / name).rename(base / f"{name}.away")
    with pytest.raises(SourceError) as caught:
        scan_cache(base)
    assert [part for part in named if part in str(caught.value)] == named
    assert ".rootfs_cache/" in named or ".rootfs_cache/" not in str(caught.value)
    assert "--cache" in caught.value.advice


def test_a_base_that_does_not_exist_is_no_cache(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not a finished") as caught:
        scan_cache(tmp_path / "none")
    assert caught.value.exit_code == 4


def test_metadata_that_are_no_file_are_unreadable(base: Path) -> None:
    (base / ".backup_meta").unlink()
    os.mkfifo(base / ".backup_meta")
    with pytest.raises(SourceError) as caught:
        scan_cache(base)
    assert "not a regular file" in str(caught.value)


def test_metadata_are_never_read_outside_the_cache(base: Path) -> None:
    secret = put(base.parent, "secret", 'META_DISTRO="secret"\n')
    (base / ".backup_meta").unlink()
    (base / ".backup_meta").symlink_to(secret)
    with pytest.raises(SourceError, match="not a finished"):
        scan_cache(base)


def test_a_moved_cache_is_found_inside_the_base_only(base: Path) -> None:
    (base / ".rootfs_cache").rename(base / "moved")
    (base / ".rootfs_cache").symlink_to("moved")
    assert scan_cache(base).candidates[-1].path == "moved"
    (base / "moved").rename(base.parent / "elsewhere")
    for target in ("../elsewhere", str(base.parent / "elsewhere"), ".", "/"):
        (base / ".rootfs_cache").unlink()
        (base / ".rootfs_cache").symlink_to(target)
        with pytest.raises(SourceError, match="points outside the cache") as caught:
            scan_cache(base)
        assert "really holds" in caught.value.advice


def test_a_cache_link_that_leads_to_itself_is_no_directory(base: Path) -> None:
    (base / ".rootfs_cache").rename(base / "moved")
    (base / ".rootfs_cache").symlink_to(".rootfs_cache")
    with pytest.raises(SourceError, match=r"missing: \.rootfs_cache/"):
        scan_cache(base)


def test_the_package_database_dates_a_cache_without_a_usable_date(base: Path) -> None:
    put(base, ".backup_meta", 'META_DATE="soon"\nMETA_DISTRO=X\nMETA_SIZE=1G\n')
    os.utime(base / ".rootfs_cache/var/lib/dpkg/status", (1_600_000_000, 1_600_000_000))
    report = scan_cache(base)
    assert report.candidates[-1].taken == 1_600_000_000
    assert [warning.message for warning in report.warnings] == ["Invalid date in {meta}: {date}"]


def test_copied_snapshots_that_are_no_subvolumes_are_skipped_with_a_reason(base: Path) -> None:
    raw = "@2026-06-17_14:30"
    for place in (".rootfs_cache/.snapshots", ".snapshots"):
        put(base, f"{place}/{raw}/etc/os-release")
        put(base, f"{place}/{raw}.meta")
    put(base, ".rootfs_cache/.snapshots/1/info.xml")
    put(base, ".rootfs_cache/.snapshots/1/snapshot/etc/os-release")
    report = scan_cache(base)
    assert [each.selector for each in report.candidates] == ["cache"]
    assert sorted(skipped_of(report)) == [
        ".rootfs_cache/.snapshots/1",
        f".rootfs_cache/.snapshots/{raw}",
        f".snapshots/{raw}",
    ]
    assert all("not a btrfs subvolume" in reason for reason in skipped_of(report).values())


def test_half_made_and_foreign_entries_are_skipped_with_their_own_reasons(base: Path) -> None:
    snapshots = base / ".rootfs_cache/.snapshots"
    (snapshots / "1").mkdir(parents=True)
    (snapshots / "2/snapshot").mkdir(parents=True)
    put(snapshots, "3/info.xml")
    put(snapshots, "4")
    (snapshots / "5").symlink_to("2")
    (snapshots / "007").mkdir()
    (snapshots / "@2026-02-30_14:30").mkdir()
    put(snapshots, "@2026-06-17_14:30.meta")
    put(snapshots, "evil\x1b[2J\nname")
    reasons = skipped_of(scan_cache(base))
    told = {path.rpartition("/")[2]: reason for path, reason in reasons.items()}
    assert "it is empty" in told["1"]
    assert "it has no info.xml" in told["2"]
    assert "no snapshot: its deletion" in told["3"]
    assert told["4"] == told["5"] == "it is not a directory"
    assert told["007"] == told["evil[2Jname"] == "its name is not a snapshot name"
    assert told["@2026-02-30_14:30"] == "the date in its name is invalid"
    assert told["@2026-06-17_14:30.meta"] == "it describes a snapshot that no longer exists"


def test_a_snapshot_folder_that_is_a_symlink_is_not_followed(base: Path) -> None:
    (base.parent / "snaps/1").mkdir(parents=True)
    (base / ".snapshots").symlink_to("../snaps")
    assert skipped_of(scan_cache(base)) == {".snapshots": "it is a symlink"}


def test_a_cache_that_cannot_be_built_is_listed_with_its_problems(base: Path) -> None:
    (base / ".rootfs_cache/usr/lib/os-release").unlink()
    (cache,) = scan_cache(base).candidates
    assert not cache.complete
    assert cache.system is None


def test_the_one_cache_in_an_image_is_found_below_its_top(tmp_path: Path) -> None:
    base = make_cache(tmp_path / "mnt/a/SysLinuxOS_backup")
    make_cache(tmp_path / "mnt/a/SysLinuxOS_backup/.rootfs_cache/mnt/inner")
    (tmp_path / "mnt/link").symlink_to("a")
    volume = tmp_path / "mnt"
    assert find_base(volume) == base
    assert find_base(base) == base
    assert scan_cache(base, volume=volume).base == "a/SysLinuxOS_backup"
    assert scan_cache(base, volume=base).base == "."
    with pytest.raises(SourceError, match=r"has no \.rootfs_cache"):
        find_base(volume, depth=1)


def test_several_caches_in_an_image_are_listed(tmp_path: Path) -> None:
    make_cache(tmp_path / "b_backup")
    make_cache(tmp_path / "a_backup")
    with pytest.raises(SourceError, match="several caches: a_backup, b_backup"):
        find_base(tmp_path)


NOON = 1_781_697_600


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = make_system(tmp_path / "chroot")
    os.utime(root / "var/lib/dpkg/status", (NOON, NOON))
    return root


def test_a_tree_is_one_candidate_dated_by_its_package_database(tree: Path) -> None:
    report = scan_tree(tree)
    (candidate,) = report.candidates
    assert (candidate.selector, candidate.kind) == ("tree", SnapshotKind.TREE)
    assert (candidate.path, candidate.taken) == (".", NOON)
    assert (candidate.subvolume, candidate.read_only, candidate.uuid) == (False, False, "")
    assert candidate.complete
    assert candidate.system is not None
    assert candidate.system.pretty_name == "Debian GNU/Linux 13 (trixie)"
    assert (report.base, report.date, report.distro, report.size) == (".", "", "", "")
    assert (report.skipped, report.warnings) == ((), ())
    assert report.filesystem not in ("", "btrfs")
    assert from_data(CacheReport, to_data(report)) == report


def test_scanning_a_tree_changes_nothing(tree: Path) -> None:
    def state() -> dict[Path, tuple[int, int, int]]:
        facts = {path: path.lstat() for path in tree.rglob("*")}
        return {path: (s.st_mode, s.st_size, s.st_ctime_ns) for path, s in facts.items()}

    before = state()
    scan_tree(tree)
    assert state() == before


@pytest.mark.parametrize(
    ("gone", "named"),
    [
        ("usr/lib/os-release", "/etc/os-release"),
        ("var/lib/dpkg/status", "/var/lib/dpkg/status"),
        ("usr/bin/dash", "/bin/sh"),
        (f"boot/vmlinuz-{KERNEL}", "kernel"),
    ],
)
def test_what_a_tree_lacks_is_listed_as_for_a_cache(
    tree: Path, tmp_path: Path, gone: str, named: str
) -> None:
    base = make_cache(tmp_path / "backup")
    for root in (tree, base / ".rootfs_cache"):
        (root / gone).unlink()
    (candidate,) = scan_tree(tree).candidates
    assert not candidate.complete
    assert candidate.problems == scan_cache(base).candidates[-1].problems
    told = [render(each.message, dict(each.values)) for each in candidate.problems]
    assert any(named in each for each in told)


def test_a_folder_that_is_no_tree_is_reported_with_the_reasons(tmp_path: Path) -> None:
    (candidate,) = scan_tree(tmp_path).candidates
    assert candidate.system is None
    assert [each.message for each in candidate.problems] == ["it is empty"]
    put(tmp_path, "holiday.jpg")
    (candidate,) = scan_tree(tmp_path).candidates
    assert (candidate.system, candidate.complete) == (None, False)
    assert candidate.taken > NOON  # the folder's own date, without a package database


def test_a_package_database_that_leads_out_of_the_tree_dates_nothing(tree: Path) -> None:
    outside = put(tree.parent, "status", "x")
    os.utime(outside, (1_000_000_000, 1_000_000_000))
    (tree / "var/lib/dpkg/status").unlink()
    (tree / "var/lib/dpkg/status").symlink_to(outside)
    (candidate,) = scan_tree(tree).candidates
    assert candidate.taken != 1_000_000_000
    assert not candidate.complete


def test_the_job_looks_at_the_kind_that_it_is_asked_for(
    base: Path, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builder.border.paths.CACHE", base)
    monkeypatch.setattr("builder.border.paths.SOURCE", tree)
    system = RecordingSystem()
    assert scan(ScanRequest(kind=SourceKind.CACHE), system=system) == scan_cache(base)
    assert scan(ScanRequest(kind=SourceKind.TREE), system=system) == scan_tree(tree)
    assert system.commands == []


@pytest.mark.parametrize(
    ("owner", "uid_map", "expected"),
    [
        (65534, "         0          0 4294967295\n", False),  # a folder that is really nobody's
        (65534, "         0       1000          1\n         1     100000      65536\n", True),
        (0, "         0       1000          1\n         1     100000      65536\n", False),
        (65534, "         0     100000      65536\n", True),
    ],
)
def test_files_that_only_seem_to_be_nobodys_are_known(
    owner: int, uid_map: str, *, expected: bool
) -> None:
    assert is_nobodys(owner, 65534, uid_map) is expected
