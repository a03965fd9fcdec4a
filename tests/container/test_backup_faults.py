"""Whatever ends a backup or a deletion early: what was whole stays so; needs root."""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from builder.basics.errors import HostError, SourceError, StepError
from builder.border.backups import CheckRequest, Wholeness
from builder.inside.backup.backing_up import backup
from builder.inside.backup.checking import check
from builder.inside.backup.stored import stored_snapshots
from builder.inside.source.scan import scan_cache
from builder.inside.source.unfinished import is_unfinished
from builder.inside.system.real_system import RealSystem
from tests.support import killed_backup
from tests.support.backed_up import OURS, Volume, killed
from tests.support.caches import after_a_power_cut, command
from tests.support.faithful import Facts, differences, facts
from tests.support.killed_backup import request_for
from tests.support.trees import put

pytestmark = pytest.mark.container


# Of each kind, for every run; the rest is for the night.
EVERY_RUN = ("after the copy", "after the snapshot")


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
    system = RealSystem(lambda _event: None)
    checked = check(CheckRequest(read_data=True), system=system, base=volume.base)
    assert {each.wholeness for each in checked.snapshots} == {Wholeness.WHOLE}
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
