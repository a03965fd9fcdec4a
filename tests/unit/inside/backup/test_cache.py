"""A cache is locked while it is written to; what cannot be one is refused."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from builder.basics.errors import HostError, SourceError
from builder.border.backups import DeleteCacheRequest, DeleteSnapshotsRequest, SnapshotName
from builder.inside.backup import cache as module
from builder.inside.backup import deleting
from builder.inside.backup.cache import is_locked, locked, prepared
from builder.inside.backup.deleting import delete_cache, delete_snapshots
from builder.inside.backup.holding import PROBE
from builder.inside.backup.stored import cache_state, has_system
from builder.inside.source.unfinished import mark
from builder.inside.tree.tree import Tree
from tests.support.systems import RecordingSystem
from tests.support.trees import make_cache, make_system, put

HOLD = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from builder.inside.backup.cache import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
PROJECT = Path(__file__).parents[4]


@pytest.fixture
def holder(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the lock of the cache."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path, PROJECT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_two_backups_never_write_to_one_cache(
    tmp_path: Path, holder: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    assert is_locked(tmp_path)
    with pytest.raises(HostError, match="Another backup"), locked(tmp_path):
        raise AssertionError
    holder.kill()
    holder.wait()
    with locked(tmp_path):  # a lock dies with its holder
        assert is_locked(tmp_path)
    assert not is_locked(tmp_path)


def test_a_lock_that_is_only_asked_about_is_waited_for(
    tmp_path: Path, holder: "subprocess.Popen[str]"
) -> None:
    assert holder.stdin is not None
    holder.stdin.close()
    with locked(tmp_path):
        pass


def test_a_cache_where_no_system_can_be_kept_is_refused_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "chown", lambda *_arguments: None)  # as vfat does with `quiet`
    system = RecordingSystem()
    with pytest.raises(SourceError, match="does not keep owners"):
        prepared(tmp_path, new=True, system=system)
    assert (system.commands, [*tmp_path.iterdir()]) == ([], [])


def holds_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it does is tried as root, in tests/container."""
    monkeypatch.setattr(module, "check_holding", lambda _base, *, filesystem: filesystem != "ext3")


def test_a_cache_on_a_file_system_without_snapshots_is_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holds_all(monkeypatch)
    with pytest.raises(SourceError, match="no backup cache in this folder"):
        prepared(tmp_path, new=False, system=RecordingSystem())
    system = RecordingSystem()
    found = prepared(tmp_path, new=True, system=system)
    assert found.plain
    assert [each.name for each in tmp_path.iterdir()] == [".rootfs_cache"]
    assert "has no snapshots" in system.notes[0]
    assert system.commands == []
    put(tmp_path, ".backup_meta.distroclone-builder", "of one that was killed")
    assert prepared(tmp_path, new=False, system=system) == found
    assert [each.name for each in tmp_path.iterdir()] == [".rootfs_cache"]


def test_a_file_system_without_fine_times_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holds_all(monkeypatch)
    monkeypatch.setattr(module, "filesystem_at", lambda _path: "ext3")
    system = RecordingSystem()
    prepared(tmp_path, new=True, system=system)
    assert "copies every file" in system.notes[1]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda place: place.symlink_to("/"), "is a link"),
        (lambda place: place.write_text("a file"), "is not a folder"),
    ],
)
def test_what_is_no_folder_is_no_plain_cache(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Path], object],
    reason: str,
) -> None:
    holds_all(monkeypatch)
    make(tmp_path / ".rootfs_cache")
    with pytest.raises(SourceError, match=reason):
        prepared(tmp_path, new=True, system=RecordingSystem())


def on_btrfs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "filesystem_at", lambda _path: "btrfs")


def test_no_cache_is_started_unless_somebody_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The drive of the cache may just not be mounted."""
    on_btrfs(monkeypatch)
    with pytest.raises(SourceError, match="no backup cache in this folder") as caught:
        prepared(tmp_path, new=False, system=RecordingSystem())
    assert "--new" in caught.value.advice


def test_a_tree_that_no_snapshot_can_be_made_of_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_btrfs(monkeypatch)
    make_cache(tmp_path)
    with pytest.raises(SourceError, match="not a btrfs subvolume"):
        prepared(tmp_path, new=False, system=RecordingSystem())


def test_a_tree_that_lies_elsewhere_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_btrfs(monkeypatch)
    (tmp_path / ".rootfs_cache").symlink_to("/")
    with pytest.raises(SourceError, match="is a link"):
        prepared(tmp_path, new=False, system=RecordingSystem())
    with pytest.raises(SourceError, match="There is no backup cache"):
        cache_state(tmp_path)


def test_the_state_of_a_plain_cache_is_told_as_well(tmp_path: Path) -> None:
    make_cache(tmp_path)
    found = cache_state(tmp_path)
    assert (found.date, found.size, found.plain) == ("2026-06-17 14:30:05", "8.2G", True)
    assert (found.began, found.running) == (None, False)
    assert found.finished is not None
    (copy,) = found.snapshots
    assert (copy.selector, copy.path, copy.uuid) == ("cache", ".rootfs_cache", "")
    assert (copy.complete, copy.routine, copy.zoneless) == (True, False, True)
    assert copy.taken == int(datetime(2026, 6, 17, 14, 30, 5, tzinfo=UTC).timestamp())


@pytest.mark.parametrize("gone", [".backup_meta", ".rootfs_cache/usr/lib/os-release"])
def test_a_plain_cache_that_is_not_whole_holds_nothing_complete(tmp_path: Path, gone: str) -> None:
    make_cache(tmp_path)
    (tmp_path / gone).unlink()
    assert [each.complete for each in cache_state(tmp_path).snapshots] == [False]


def test_a_plain_cache_that_is_written_to_holds_nothing_complete(tmp_path: Path) -> None:
    mark(make_cache(tmp_path) / ".rootfs_cache", now=1_800_000_000)
    found = cache_state(tmp_path)
    assert [each.complete for each in found.snapshots] == [False]
    assert found.began == 1_800_000_000


def test_a_plain_cache_is_deleted_and_what_else_lies_there_stays(tmp_path: Path) -> None:
    make_cache(tmp_path)
    put(tmp_path, "mine", "stays")
    put(tmp_path, f"{PROBE}/owner", "of one that was killed")
    delete_cache(
        DeleteCacheRequest(subvolumes=()), system=RecordingSystem(real=True), base=tmp_path
    )
    assert [each.name for each in tmp_path.iterdir()] == ["mine"]


def test_a_plain_cache_with_mounts_in_it_is_not_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_cache(tmp_path)
    inside = str(tmp_path / ".rootfs_cache/mnt")
    monkeypatch.setattr(deleting, "mount_points_below", lambda _path: [inside])
    with pytest.raises(
        SourceError, match=r"in the cache, so it is not deleted: \.rootfs_cache/mnt"
    ):
        delete_cache(DeleteCacheRequest(subvolumes=()), system=RecordingSystem(), base=tmp_path)
    assert (tmp_path / ".backup_meta").exists()


@pytest.mark.parametrize("gone", ["usr/lib/os-release", "etc", "usr"])
def test_a_part_of_a_system_is_none(tmp_path: Path, gone: str) -> None:
    make_system(tmp_path / "system")
    tree = Tree(tmp_path / "system")
    assert has_system(tree)
    (tmp_path / "system" / gone).rename(tmp_path / "gone")
    assert not has_system(tree)


def test_an_empty_mount_point_is_none(tmp_path: Path) -> None:
    make_system(tmp_path / "system")
    (tmp_path / "system/usr").rename(tmp_path / "usr")
    (tmp_path / "system/usr").mkdir()
    put(tmp_path, "system/etc/os-release.d/x")
    (tmp_path / "system/etc/os-release").unlink()
    put(tmp_path, "system/etc/os-release", "ID=debian\n")
    assert not has_system(Tree(tmp_path / "system"))


@pytest.mark.parametrize(
    "path",
    ["", ".", "..", "/etc", ".rootfs_cache", ".rootfs_cache/.snapshots", ".rootfs_cache/etc",
     ".rootfs_cache/.snapshots/1", ".rootfs_cache/.snapshots/../../x", ".snapshots/@x",
     ".rootfs_cache/.snapshots/01/snapshot", "x/.snapshots/1/snapshot", ".snapshots/1/snapshot\n"],
)  # fmt: skip
def test_nothing_but_the_place_of_a_snapshot_is_deleted(tmp_path: Path, path: str) -> None:
    make_cache(tmp_path)
    system = RecordingSystem()
    request = DeleteSnapshotsRequest(snapshots=(SnapshotName(path=path, uuid="u"),))
    with pytest.raises(SourceError, match="not the place of a snapshot"):
        delete_snapshots(request, system=system, base=tmp_path)
    assert system.commands == []


def test_a_place_that_a_link_leads_away_from_is_none(tmp_path: Path) -> None:
    make_cache(tmp_path / "cache")
    (tmp_path / "elsewhere/1/snapshot").mkdir(parents=True)
    (tmp_path / "cache/.snapshots").symlink_to(tmp_path / "elsewhere")
    request = DeleteSnapshotsRequest(
        snapshots=(SnapshotName(path=".snapshots/1/snapshot", uuid="u"),)
    )
    with pytest.raises(SourceError, match="not the place of a snapshot"):
        delete_snapshots(request, system=RecordingSystem(), base=tmp_path / "cache")


def test_a_snapshot_that_is_gone_needs_no_deletion(tmp_path: Path) -> None:
    make_cache(tmp_path)
    name = SnapshotName(path=".rootfs_cache/.snapshots/1/snapshot", uuid="u")
    system = RecordingSystem()
    delete_snapshots(DeleteSnapshotsRequest(snapshots=(name,)), system=system, base=tmp_path)
    assert system.commands == []


def test_the_tree_of_a_cache_is_deleted_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is killed in between can give the command again: a tree is what makes a cache."""
    make_cache(tmp_path)
    there: list[bool] = []
    monkeypatch.setattr(deleting, "is_plain", lambda _base: False)
    monkeypatch.setattr(deleting, "_check_deletable", lambda *_words, **_named: None)
    monkeypatch.setattr(
        deleting,
        "_delete_subvolumes",
        lambda *_words, **_named: there.append((tmp_path / ".backup_meta").exists()),
    )
    delete_cache(DeleteCacheRequest(subvolumes=()), system=RecordingSystem(), base=tmp_path)
    assert there[-1] is False


def test_a_disk_that_does_not_let_anything_go_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_cache(tmp_path)

    def full(*_words: object, **_named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(deleting, "_delete", full)
    monkeypatch.setattr(deleting, "_place", lambda *_words: tmp_path)
    request = DeleteSnapshotsRequest(snapshots=(SnapshotName(path="x", uuid="u"),))
    with pytest.raises(HostError, match="Not everything could be deleted: No space left"):
        delete_snapshots(request, system=RecordingSystem(), base=tmp_path)
