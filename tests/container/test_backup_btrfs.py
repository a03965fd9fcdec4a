"""Backups on a real btrfs: faithful, and whole or not there; needs root and loop devices."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from builder.basics.errors import HostError, SourceError, StepError
from builder.border.backups import BackedUp, CacheState, FreezeSystemRequest, RestoreRequest
from builder.border.labels import frozen_name
from builder.inside.backup import system as system_module
from builder.inside.backup.backing_up import backup
from builder.inside.backup.deleting import delete_cache, delete_snapshots
from builder.inside.backup.restoring import restore
from builder.inside.backup.stored import cache_state, stored_snapshots
from builder.inside.backup.system import freeze_system
from builder.inside.linux.btrfs import subvolume
from builder.inside.source.scan import scan_cache
from builder.inside.source.unfinished import is_unfinished
from builder.inside.system.real_system import RealSystem
from tests.support import killed_backup
from tests.support.caches import after_a_power_cut, command, mounted_btrfs, mounted_ext4
from tests.support.command_line import wait_until
from tests.support.faithful import Facts, differences, facts
from tests.support.hard_tree import make_hard_tree
from tests.support.killed_backup import deletion_of, deletion_of_all, request_for
from tests.support.trees import make_system, put

pytestmark = pytest.mark.container

OURS = (b".snapshots", b".distroclone-builder-unfinished")
EVERY_RUN = ("after the copy", "after the snapshot")  # of each kind; the rest is for the night


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A btrfs with room for a cache, and a system to back up."""

    mount: Path
    base: Path
    source: Path

    @property
    def rootfs(self) -> Path:
        """The cache's tree."""
        return self.base / ".rootfs_cache"

    def backup(self, *, new: bool = False, adopt: bool = False) -> BackedUp:
        """Back the system up in this process."""
        request = replace(request_for(self.source, new=new), adopt=adopt)
        system = RealSystem(lambda _event: None)
        return backup(request, system=system, source=self.source, base=self.base)

    def snapshot(self, number: object) -> Facts:
        """Return what is in a snapshot."""
        return facts(self.rootfs / f".snapshots/{number}/snapshot", without=OURS)

    def state(self) -> CacheState:
        """Return the cache's state."""
        return cache_state(self.base)

    def left(self) -> list[str]:
        """Return what nobody but an interrupted backup leaves."""
        return sorted(
            each.name
            for folder in (self.base, self.rootfs, self.rootfs / ".snapshots")
            for each in folder.iterdir()
            if "distroclone-builder" in each.name
        )


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Volume]:
    """A fresh one, with a small system."""
    source = make_system(tmp_path / "system")
    put(source, "etc/state", "first")
    with mounted_btrfs(256 << 20) as mount:
        base = mount / "debian_backup"
        base.mkdir()
        yield Volume(mount=mount, base=base, source=source)


def test_everything_comes_back_as_it_was(volume: Volume) -> None:
    make_hard_tree(volume.source / "opt/hard")
    before = facts(volume.source)
    done = volume.backup(new=True)
    assert (done.selector, done.deleted) == ("1", 0)
    assert differences(before, facts(volume.rootfs, without=OURS)) == []
    assert differences(before, volume.snapshot(1)) == []
    assert differences(before, facts(volume.source)) == []  # which was only read
    holes = (volume.rootfs / "opt/hard/usr/share/sparse").stat()
    assert holes.st_blocks * 512 < holes.st_size // 4


def test_a_second_backup_keeps_the_first_and_takes_what_is_new_and_gone(volume: Volume) -> None:
    first = facts(volume.source)
    volume.backup(new=True)
    put(volume.source, "etc/state", "second")
    put(volume.source, "opt/new", "new")
    (volume.source / "etc/os-release").unlink()
    shutil.rmtree(volume.source / "boot")
    done = volume.backup()
    assert (done.selector, done.copied) == ("2", 2)
    assert done.deleted >= 2
    assert differences(first, volume.snapshot(1)) == []
    assert differences(facts(volume.source), volume.snapshot(2)) == []
    assert [each.selector for each in done.snapshots] == ["1", "2"]
    assert volume.left() == []


@pytest.mark.full
def test_one_that_is_written_twice_in_a_second_is_copied_again(volume: Volume) -> None:
    place = put(volume.source, "etc/state", "one")
    os.utime(place, ns=(10**18, 10**18 + 1))
    volume.backup(new=True)
    place.write_text("two")
    os.utime(place, ns=(10**18, 10**18 + 2))
    volume.backup()
    assert (volume.rootfs / "etc/state").read_text() == "two"


def test_the_layout_is_snappers_and_our_own_scan_takes_the_newest(volume: Volume) -> None:
    done = volume.backup(new=True)
    snapshots = volume.rootfs / ".snapshots"
    assert subvolume(volume.rootfs) is not None
    assert subvolume(snapshots) is not None
    assert (snapshots.stat().st_mode & 0o777, snapshots.stat().st_uid) == (0o750, 0)
    assert sorted(each.name for each in (snapshots / "1").iterdir()) == ["info.xml", "snapshot"]
    kept = subvolume(snapshots / "1/snapshot")
    assert kept is not None
    assert kept.read_only
    report = scan_cache(volume.base)
    assert (report.date, report.warnings, report.skipped) == (done.date, (), ())
    assert [(each.selector, each.complete) for each in report.candidates] == [
        ("1", True), ("cache", True),
    ]  # fmt: skip


@pytest.mark.full
def test_old_snapshots_go_with_all_that_snapper_keeps_of_them(volume: Volume) -> None:
    volume.backup(new=True)
    volume.backup()
    put(volume.rootfs, ".snapshots/1/filelist-2.txt.gz")
    delete_snapshots(deletion_of(volume.base, "1"), system=RealSystem(print), base=volume.base)
    assert [each.name for each in (volume.rootfs / ".snapshots").iterdir()] == ["2"]
    assert volume.backup().selector == "3"


@pytest.mark.full
def test_another_snapshot_of_that_number_is_not_deleted(volume: Volume) -> None:
    volume.backup(new=True)
    volume.backup()
    asked = deletion_of(volume.base, "1")
    folder = volume.rootfs / ".snapshots/1"
    command("btrfs", "subvolume", "delete", folder / "snapshot")
    command("btrfs", "subvolume", "snapshot", "-r", volume.rootfs, folder / "snapshot")
    with pytest.raises(SourceError, match="no longer the snapshot that was chosen"):
        delete_snapshots(asked, system=RealSystem(print), base=volume.base)
    assert (folder / "snapshot/etc").is_dir()


def killed(volume: Volume, point: str) -> None:
    """Have a backup or a deletion killed there."""
    # Not as the first process of its namespace, which cannot kill itself.
    alone = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    words = (*alone, "sh", "-c", '"$@"; exit $?', "sh")
    script = (sys.executable, killed_backup.__file__, point, volume.base, volume.source)
    with subprocess.Popen([*words, *map(str, script)], stderr=subprocess.PIPE) as process:
        if point == killed_backup.COPYING:
            wait_until((volume.rootfs / "etc/state-2").exists)
            process.kill()
        _out, err = process.communicate()
    assert process.returncode != 0, point
    assert b"Traceback" not in err, err.decode()


def check_after(volume: Volume, first: Facts, second: Facts) -> None:
    """What was complete is complete, what claims to be is, and the next backup works."""
    found = volume.state()
    complete = [each.selector for each in found.snapshots if each.complete]
    for number in complete:
        assert differences(first if number == "1" else second, volume.snapshot(number)) == []
    (cache,) = [each for each in scan_cache(volume.base).candidates if each.selector == "cache"]
    if cache.complete:
        whole = facts(volume.rootfs, without=OURS)
        assert [] in (differences(first, whole), differences(second, whole))
    assert not found.running
    done = volume.backup()
    assert differences(second, volume.snapshot(done.selector)) == []
    assert volume.left() == []
    assert not is_unfinished(volume.rootfs)
    numbers = {each.name for each in (volume.rootfs / ".snapshots").iterdir()}
    assert numbers == {each.selector for each in stored_snapshots(volume.base)}
    assert scan_cache(volume.base).skipped == ()


def prepare_second(volume: Volume) -> tuple[Facts, Facts]:
    """Back up once, change the system, and return how it was and how it is."""
    first = facts(volume.source)
    volume.backup(new=True)
    put(volume.source, "etc/state", "second")
    put(volume.source, "etc/state-2", "second")
    put(volume.source, "opt/large", os.urandom(24 << 20))
    (volume.source / "sbin").unlink()
    return first, facts(volume.source)


POINTS = [
    pytest.param(point, marks=() if point in EVERY_RUN else pytest.mark.full)
    for point in (*killed_backup.BACKUP, killed_backup.COPYING, *killed_backup.DELETION)
]


@pytest.mark.parametrize("point", POINTS)
def test_who_kills_a_backup_at_any_point_loses_nothing(volume: Volume, point: str) -> None:
    first, second = prepare_second(volume)
    if point in killed_backup.DELETION:
        volume.backup()
    killed(volume, point)
    selectors = [each.selector for each in volume.state().snapshots if each.complete]
    assert selectors[:1] == (["2"] if point in [*killed_backup.DELETION][1:] else ["1"])
    check_after(volume, first, second)


@pytest.mark.parametrize("point", POINTS)
def test_a_power_cut_at_any_point_loses_nothing(volume: Volume, point: str) -> None:
    first, second = prepare_second(volume)
    if point in killed_backup.DELETION:
        volume.backup()
    killed(volume, point)
    with after_a_power_cut(volume.mount) as mount:
        again = Volume(mount=mount, base=mount / volume.base.name, source=volume.source)
        assert any(each.complete for each in again.state().snapshots)
        check_after(again, first, second)


@pytest.mark.parametrize(
    "point", [pytest.param(each, marks=pytest.mark.full) for each in killed_backup.BACKUP]
)
def test_a_first_backup_that_is_killed_is_simply_made_again(volume: Volume, point: str) -> None:
    killed(volume, point)
    started = volume.rootfs.exists()
    done = volume.backup(new=not started)
    assert differences(facts(volume.source), volume.snapshot(done.selector)) == []
    assert volume.left() == []


def test_a_backup_that_does_not_fit_leaves_the_one_before(volume: Volume) -> None:
    first = facts(volume.source)
    volume.backup(new=True)
    put(volume.source, "opt/too-large", os.urandom(300 << 20))
    with pytest.raises(HostError, match="full"):
        volume.backup()
    found = volume.state()
    assert found.began is not None
    assert [each.selector for each in found.snapshots] == ["1"]
    assert differences(first, volume.snapshot(1)) == []
    (volume.source / "opt/too-large").unlink()
    done = volume.backup()
    assert differences(facts(volume.source), volume.snapshot(done.selector)) == []
    assert volume.left() == []


def test_a_system_whose_disk_is_not_mounted_never_empties_the_cache(volume: Volume) -> None:
    first = facts(volume.source)
    volume.backup(new=True)
    volume.source.rename(volume.source.with_name("away"))
    volume.source.mkdir()
    with pytest.raises(SourceError, match="no system to back up"):
        volume.backup()
    assert differences(first, facts(volume.rootfs, without=OURS)) == []
    assert not is_unfinished(volume.rootfs)


@pytest.mark.full
def test_a_system_that_goes_away_while_it_is_copied_makes_no_backup(volume: Volume) -> None:
    first = facts(volume.source)
    volume.backup(new=True)
    away = volume.source.with_name("away")

    class Unplugged(RealSystem):
        def run(self, argv: Sequence[str], **how: Any) -> str:
            said = super().run(argv, **how)
            if argv[0] == "rsync":
                (volume.source / "usr").rename(away)
                (volume.source / "usr").mkdir()
            return said

    with pytest.raises(SourceError, match="no system to back up"):
        backup(
            replace(request_for(volume.source), frozen=True),
            system=Unplugged(lambda _event: None),
            source=volume.source,
            base=volume.base,
        )
    found = volume.state()
    assert (found.began is not None, [each.selector for each in found.snapshots]) == (True, ["1"])
    assert differences(first, volume.snapshot(1)) == []


@pytest.mark.full
def test_another_machines_backup_is_gone_on_with_only_on_demand(volume: Volume) -> None:
    put(volume.source, "etc/machine-id", "0123456789abcdef" * 2 + "\n")
    volume.backup(new=True)
    first = volume.snapshot(1)
    put(volume.source, "etc/machine-id", "fedcba9876543210" * 2 + "\n")
    with pytest.raises(SourceError, match="backup of another system"):
        volume.backup()
    assert differences(first, facts(volume.rootfs, without=OURS)) == []
    assert not is_unfinished(volume.rootfs)
    assert volume.backup(adopt=True).selector == "2"


@pytest.mark.full
def test_a_file_that_cannot_be_copied_makes_no_backup(volume: Volume) -> None:
    volume.backup(new=True)
    put(volume.rootfs, "opt/fixed/x")
    command("chattr", "+i", volume.rootfs / "opt/fixed/x")
    put(volume.source, "opt/fixed/x", "other")
    try:
        with pytest.raises(StepError, match="could not be copied"):
            volume.backup()
        assert is_unfinished(volume.rootfs)
        assert [each.selector for each in volume.state().snapshots] == ["1"]
    finally:
        command("chattr", "-i", volume.rootfs / "opt/fixed/x")
    assert volume.backup().selector == "2"


@pytest.mark.full
def test_what_changes_while_it_is_copied_is_copied_again_and_told(volume: Volume) -> None:
    notes: list[str] = []
    time.sleep(1.1)  # what was made a second before may count as changed

    class Busy(RealSystem):
        def note(self, message: str, *, warning: bool = False, **values: object) -> None:
            notes.append(f"{message} {values}")
            if not warning:
                put(volume.source, "etc/busy", str(len(notes)))

        def log(self, text: str) -> None:
            raise AssertionError(text)

    put(volume.source, "etc/busy", "0")
    system = Busy(lambda _event: None)
    backup(request_for(volume.source, new=True), system=system, source=volume.source,
           base=volume.base)  # fmt: skip
    assert "copied again" in notes[0]
    assert "/etc/busy" in notes[1]
    assert (volume.rootfs / "etc/busy").read_text() == "1"


@pytest.mark.full
def test_a_part_on_another_disk_is_copied_to_its_place_and_kept_clean(volume: Volume) -> None:
    with mounted_ext4() as disk:
        shutil.copytree(volume.source / "boot", disk, dirs_exist_ok=True)
        shutil.rmtree(volume.source / "boot")
        (volume.source / "boot").mkdir()
        command("mount", "--bind", disk, volume.source / "boot")
        try:
            put(volume.source, "boot/gone-soon")
            request = replace(request_for(volume.source, new=True), mounts=("boot",))
            request = replace(request, filters=(*request.filters, "- /boot/lost+found"))
            system = RealSystem(lambda _event: None)
            backup(request, system=system, source=volume.source, base=volume.base)
            assert (volume.rootfs / "boot/gone-soon").exists()
            (volume.source / "boot/gone-soon").unlink()
            backup(replace(request, new=False), system=system, source=volume.source,
                   base=volume.base)  # fmt: skip
            before = facts(volume.source, without=())
            after = facts(volume.rootfs, without=OURS)
            wrong = [each for each in differences(before, after) if "lost+found" not in each]
            assert wrong == []
            assert not (volume.rootfs / "boot/gone-soon").exists()
            assert (volume.rootfs / ".snapshots/1/snapshot/boot/gone-soon").exists()
        finally:
            command("umount", volume.source / "boot")


@pytest.mark.full
def test_a_running_system_on_btrfs_is_frozen_and_what_is_not_in_it_is_named(
    volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = volume.mount / "running"
    command("btrfs", "subvolume", "create", running)
    shutil.copytree(volume.source, running, symlinks=True, dirs_exist_ok=True)
    command("btrfs", "subvolume", "create", running / "opt")
    put(running, "opt/lost")
    name = frozen_name("0123456789abcdef")
    identity = request_for(running).system
    found = freeze_system(
        FreezeSystemRequest(name=name, system=identity), system=RealSystem(print), source=running
    )
    put(running, "etc/state", "later")
    frozen = running / name
    assert found.nested == ("running/opt",)
    assert (found.device, found.inode) == (frozen.stat().st_dev, 256)
    assert (frozen / "etc/state").read_text() == "first"
    assert not (frozen / name).exists()
    request = request_for(frozen, new=True, frozen=True)
    done = backup(request, system=RealSystem(print), source=frozen, base=volume.base)
    assert (done.changed, (volume.rootfs / "etc/state").read_text()) == (0, "first")
    assert system_module.BOOT_ID.exists()


def test_a_cache_of_the_other_program_is_continued(volume: Volume) -> None:
    """Its first snapshot is empty, it gives them no clean-up, and raw ones lie beside the cache."""
    btrfs = ("btrfs", "subvolume")
    command(*btrfs, "create", volume.rootfs)
    command(*btrfs, "create", volume.rootfs / ".snapshots")
    (volume.base / ".snapshots").mkdir()
    info = (
        '<?xml version="1.0"?>\n<snapshot>\n  <type>single</type>\n  <num>{}</num>\n'
        "  <date>2026-06-1{} 12:30:05</date>\n"
        "  <description>distroclone-backup 2026-06-1{} 14:30:05</description>\n</snapshot>\n"
    )
    for number in (1, 2):
        folder = volume.rootfs / f".snapshots/{number}"
        folder.mkdir()
        command(*btrfs, "snapshot", "-r", volume.rootfs, folder / "snapshot")
        put(folder, "info.xml", info.format(number, number, number))
        command("cp", "--archive", f"{volume.source}/.", volume.rootfs)
    raw = volume.base / ".snapshots/@2026-06-01_14:30"
    command(*btrfs, "snapshot", "-r", volume.rootfs, raw)
    put(volume.base, ".snapshots/@2026-06-01_14:30.meta", 'SNAP_DATE="2026-06-01 14:30"\n')
    put(volume.base, ".backup_meta", 'META_DATE="2026-06-13 14:30:05"\n')
    put(volume.source, "etc/state", "ours")
    done = volume.backup()
    assert [(each.selector, each.complete, each.routine) for each in done.snapshots] == [
        ("@2026-06-01_14:30", True, True), ("1", False, True), ("2", True, True),
        ("3", True, True),
    ]  # fmt: skip
    delete_snapshots(
        deletion_of(volume.base, "1", "2", "@2026-06-01_14:30"),
        system=RealSystem(print),
        base=volume.base,
    )
    assert [*(volume.base / ".snapshots").iterdir()] == []
    assert [each.selector for each in stored_snapshots(volume.base)] == ["3"]
    assert differences(facts(volume.source), volume.snapshot(3)) == []


@pytest.mark.full
def test_a_whole_cache_goes_and_what_lies_beside_it_stays(volume: Volume) -> None:
    volume.backup(new=True)
    volume.backup()
    snapshot = ("btrfs", "subvolume", "snapshot")
    command(*snapshot, "-r", volume.rootfs, volume.rootfs / ".snapshots/@x")
    (volume.base / ".snapshots").mkdir()
    raw = volume.base / ".snapshots/@2026-06-01_14:30"
    command(*snapshot, "-r", volume.rootfs, raw)
    put(volume.base, ".snapshots/@2026-06-01_14:30.meta")
    half_made = volume.rootfs / ".snapshots/9"
    half_made.mkdir()
    command(*snapshot, volume.rootfs, half_made / "snapshot")
    put(volume.base, "notes.txt", "mine")
    assert [each.path for each in volume.state().others] == [
        ".rootfs_cache/.snapshots/9/snapshot", ".rootfs_cache/.snapshots/@x",
    ]  # fmt: skip
    delete_cache(deletion_of_all(volume.base), system=RealSystem(print), base=volume.base)
    assert [each.name for each in volume.base.iterdir()] == ["notes.txt"]
    assert volume.backup(new=True).selector == "1"


@pytest.mark.full
@pytest.mark.parametrize(
    "place",
    ["srv", ".snapshots/later", ".snapshots/mine/deep", ".snapshots/1/snapshot/inside",
     "opt/.snapshots"],
)  # fmt: skip
def test_a_cache_with_somebodys_subvolume_in_it_is_not_deleted_around_it(
    volume: Volume, place: str
) -> None:
    volume.backup(new=True)
    command("btrfs", "property", "set", volume.rootfs / ".snapshots/1/snapshot", "ro", "false")
    asked = deletion_of_all(volume.base)
    (volume.rootfs / place).parent.mkdir(parents=True, exist_ok=True)
    command("btrfs", "subvolume", "create", volume.rootfs / place)
    put(volume.rootfs, f"{place}/mine", "mine")
    with pytest.raises(SourceError, match=f"that are no snapshots: .*{place}"):
        delete_cache(asked, system=RealSystem(print), base=volume.base)
    assert (volume.rootfs / place / "mine").read_text() == "mine"
    assert [each.selector for each in volume.state().snapshots] == ["1"]
    assert (volume.base / ".backup_meta").exists()


def test_what_is_restored_is_what_was_backed_up(volume: Volume, tmp_path: Path) -> None:
    make_hard_tree(volume.source / "opt/hard")
    before = facts(volume.source)
    volume.backup(new=True)
    snapshot = volume.rootfs / ".snapshots/1/snapshot"
    for name, paths in (("all", ()), ("some", ("/opt/hard/srv", "/opt/hard/usr/b*", "/bin/sh"))):
        target = tmp_path / name
        target.mkdir()
        request = RestoreRequest(folder=request_for(target).system, paths=paths)
        done = restore(request, system=RealSystem(print), source=snapshot, target=target)
        found = facts(target)
        if name == "all":
            assert differences(before, found) == []
            assert done.entries == len(found)
            continue
        assert (target / "usr/bin/sh").is_symlink()
        shown = {path: each[:-1] for path, each in found.items() if path.count(b"/") > 3}
        assert shown == {path: before[path][:-1] for path in shown}
        wanted = (b"/opt/hard/srv", b"/opt/hard/usr/bin", b"/usr/bin/sh")
        assert {path for path in before if path.startswith(wanted)} <= {*found}
        assert not (target / "opt/hard/etc").exists()
