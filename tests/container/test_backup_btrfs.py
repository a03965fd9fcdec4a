"""Backups on a real btrfs are faithful, and go on with what others began; needs root."""

import os
import shutil
import time
from dataclasses import replace

import pytest

from builder.basics.errors import SourceError
from builder.border.backups import FreezeSystemRequest
from builder.border.labels import frozen_name
from builder.inside.backup import system as system_module
from builder.inside.backup.backing_up import backup
from builder.inside.backup.deleting import delete_snapshots
from builder.inside.backup.stored import stored_snapshots
from builder.inside.backup.system import freeze_system
from builder.inside.linux.btrfs import subvolume
from builder.inside.source.scan import scan_cache
from builder.inside.source.unfinished import is_unfinished
from builder.inside.system.real_system import RealSystem
from tests.support.backed_up import OURS, Volume
from tests.support.caches import command, mounted_ext4
from tests.support.faithful import differences, facts
from tests.support.hard_tree import make_hard_tree
from tests.support.killed_backup import deletion_of, request_for
from tests.support.trees import put

pytestmark = pytest.mark.container


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
        ("1", False, True),
        ("2", True, True),
        ("@2026-06-01_14:30", True, True),
        ("3", True, True),
    ]  # fmt: skip - in the order of their making, whatever the names say
    delete_snapshots(
        deletion_of(volume.base, "1", "2", "@2026-06-01_14:30"),
        system=RealSystem(print),
        base=volume.base,
    )
    assert [*(volume.base / ".snapshots").iterdir()] == []
    assert [each.selector for each in stored_snapshots(volume.base)] == ["3"]
    assert differences(facts(volume.source), volume.snapshot(3)) == []
