"""A backup from the host's side: what is started, in which order, and what it may see."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from builder.basics.errors import HostError, SourceError, StepError
from builder.basics.texts import render
from builder.border import paths
from builder.border.backups import BackupRequest, DeleteSnapshotsRequest, FrozenSystem, SnapshotName
from builder.border.events import Event, Note
from builder.border.jobs import BACKUP, DELETE_SNAPSHOTS, FREEZE_SYSTEM, THAW
from builder.border.labels import LABEL_CACHE
from builder.border.requests import Nothing
from builder.host.backup import planning
from builder.host.backup.planning import BackupPlan
from builder.host.backup.retention import Retention
from builder.host.backup.session import Outcome, back_up
from builder.host.engine.faults import BindMissingError, EngineRefusedError
from builder.host.engine.owner import ourselves
from tests.support.fake_engine import Answer, FakeEngine, answering
from tests.support.stored import backed_up, stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine with a system that has a /boot of its own."""

    plan: BackupPlan
    mountinfo: Path

    def ran(self, engine: FakeEngine) -> tuple[Outcome, list[Event]]:
        """Back the system up."""
        events: list[Event] = []
        done = back_up(self.plan, engine, on_event=events.append, mountinfo=self.mountinfo)
        return done, events


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine of which the last snapshot is kept."""
    top, mountinfo = tmp_path / "system", tmp_path / "mountinfo"
    (top / "boot").mkdir(parents=True)
    mountinfo.write_text(
        f"1 0 8:2 / / rw - ext4 /dev/sda2 rw\n2 1 8:1 / {top}/boot rw - ext4 /dev/sda1 rw\n"
    )
    plan = BackupPlan(cache=tmp_path / "cache", source=top, retention=Retention(last=1))
    return Machine(plan=plan, mountinfo=mountinfo)


@pytest.fixture
def on_btrfs(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The same on btrfs."""
    machine.mountinfo.write_text("1 0 0:33 /@ / rw - btrfs /dev/sda2 rw\n")
    monkeypatch.setattr(planning, "freezes", lambda _source, _points: True)
    return machine


def answers(backup: object) -> Mapping[str, Answer]:
    return {
        BACKUP.name: answering(backup),
        DELETE_SNAPSHOTS.name: answering(Nothing()),
        FREEZE_SYSTEM.name: answering(FrozenSystem(device=9, inode=256, nested=("@/lost", "@/x"))),
        THAW.name: answering(Nothing()),
    }


def refusing(error: EngineRefusedError) -> Answer:
    """An engine's refusal to make the container."""

    def refuse(*_arguments: object) -> NoReturn:
        raise error

    return refuse


@pytest.mark.parametrize("named", [True, False])
def test_a_cache_whose_drive_is_not_mounted_is_named(machine: Machine, *, named: bool) -> None:
    missing = BindMissingError("bind source path does not exist")
    missing.path = str(machine.plan.cache) if named else ""
    with pytest.raises(SourceError, match=f"There is no folder at {machine.plan.cache}") as caught:
        machine.ran(FakeEngine(answers={BACKUP.name: refusing(missing)}))
    assert "Mount the drive" in caught.value.advice


def test_a_file_is_no_cache(machine: Machine) -> None:
    refusal = EngineRefusedError("mount {path}: not a directory", path=machine.plan.cache)
    with pytest.raises(SourceError, match=f"^{machine.plan.cache} is not a folder$") as caught:
        machine.ran(FakeEngine(answers={BACKUP.name: refusing(refusal)}))
    assert ".rootfs_cache" in caught.value.advice


def test_another_file_is_not_taken_for_the_cache(machine: Machine) -> None:
    refusal = EngineRefusedError("mount /other/place: not a directory")
    with pytest.raises(EngineRefusedError, match="/other/place"):
        machine.ran(FakeEngine(answers={BACKUP.name: refusing(refusal)}))


def test_another_folder_that_is_missing_is_not_taken_for_the_cache(machine: Machine) -> None:
    missing = BindMissingError("bind source path does not exist")
    missing.path = str(machine.plan.source)
    with pytest.raises(BindMissingError, match="does not exist"):
        machine.ran(FakeEngine(answers={BACKUP.name: refusing(missing)}))


def test_a_backup_sees_the_system_its_parts_and_the_cache(machine: Machine) -> None:
    engine, plan = FakeEngine(answers=answers(backed_up(stored("1")))), machine.plan
    _outcome, events = machine.ran(engine)
    (spec,) = engine.specs
    seen = {each.target: (each.source, each.read_only, each.alone) for each in spec.binds}
    assert seen == {
        paths.SOURCE: (str(plan.source), True, True),
        paths.SOURCE / "boot": (str(plan.source / "boot"), True, True),
        paths.CACHE: (str(plan.cache), False, False),
    }
    request = spec.request
    assert isinstance(request, BackupRequest)
    status = plan.source.stat()
    assert (request.system.device, request.system.inode) == (status.st_dev, status.st_ino)
    assert (request.system.boot, request.mounts) == (ourselves().boot, ("boot",))
    assert request.mounted == ("boot",)
    assert (request.frozen, request.running, request.new) == (False, False, False)
    told = [each.values["parts"] for each in events if isinstance(each, Note) and each.values]
    assert told == [f"{plan.source}/boot (ext4)"]


def test_disks_that_are_not_copied_are_named(machine: Machine) -> None:
    top = machine.plan.source
    with machine.mountinfo.open("a") as stream:
        stream.write(
            f"3 1 8:9 / {top}/windows rw - ntfs3 /dev/sda9 rw\n"
            f"4 1 8:8 / {top}/efi rw - vfat /dev/sda8 rw\n"
        )
    _outcome, events = machine.ran(FakeEngine(answers=answers(backed_up(stored("1")))))
    warned = [each for each in events if isinstance(each, Note) and each.level == "warning"]
    assert [render(each.message, each.values) for each in warned] == [
        f"{top}/efi is not in the backup: it is on a vfat file system",
        f"{top}/windows is not in the backup: it is on a ntfs3 file system",
    ]


def test_old_snapshots_go_after_a_backup_that_is_complete(machine: Machine) -> None:
    engine = FakeEngine(answers=answers(backed_up(stored("1"), stored("2"), stored("3"))))
    outcome, _events = machine.ran(engine)
    assert [each.selector for each in outcome.deleted] == ["1", "2"]
    assert engine.jobs == ["backup", "delete-snapshots"]
    assert engine.asked(DELETE_SNAPSHOTS) == [
        DeleteSnapshotsRequest(
            snapshots=tuple(
                SnapshotName(path=f".rootfs_cache/.snapshots/{n}/snapshot", uuid=f"uuid-{n}")
                for n in (1, 2)
            )
        )
    ]


def test_nothing_goes_after_one_that_failed(machine: Machine) -> None:
    engine = FakeEngine(answers=answers(StepError("rsync failed")))
    with pytest.raises(StepError, match="rsync failed"):
        machine.ran(engine)
    assert engine.jobs == ["backup"]


def test_a_deletion_that_fails_says_that_the_backup_is_there(machine: Machine) -> None:
    known = answers(backed_up(stored("1"), stored("2")))
    engine = FakeEngine(
        answers={**known, DELETE_SNAPSHOTS.name: answering(HostError("the disk is gone"))}
    )
    with pytest.raises(HostError, match="the disk is gone") as caught:
        machine.ran(engine)
    assert caught.value.__notes__ == ["The backup itself is complete: snapshot 2"]


def test_a_system_on_btrfs_is_frozen_first_and_thawed_last(on_btrfs: Machine) -> None:
    engine, source = FakeEngine(answers=answers(backed_up(stored("1")))), on_btrfs.plan.source
    _outcome, events = on_btrfs.ran(engine)
    assert engine.jobs == ["freeze-system", "backup", "thaw"]
    freeze, backup, thaw = engine.specs
    name = freeze.request.name
    assert (freeze.binds[0].source, freeze.binds[0].read_only) == (str(source), False)
    assert (backup.binds[0].source, backup.binds[0].read_only) == (f"{source}/{name}", True)
    assert backup.request.frozen
    assert (backup.request.system.device, backup.request.system.inode) == (9, 256)
    assert (thaw.binds[0].source, thaw.binds[0].alone) == (str(source), True)
    assert thaw.request.names == (name,)
    (labels,) = engine.made_volumes.values()
    assert labels[LABEL_CACHE] == str(source)  # for `sweep`
    assert engine.volumes == {}
    (lost,) = [each for each in events if isinstance(each, Note) and each.level == "warning"]
    assert lost.values == {"count": "2", "paths": "@/lost, @/x"}


def test_it_is_thawed_too_when_the_backup_fails(on_btrfs: Machine) -> None:
    engine = FakeEngine(answers=answers(StepError("rsync failed")))
    with pytest.raises(StepError, match="rsync failed"):
        on_btrfs.ran(engine)
    assert engine.jobs == ["freeze-system", "backup", "thaw"]
    assert engine.volumes == {}
