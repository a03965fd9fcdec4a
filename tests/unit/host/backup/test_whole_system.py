"""A whole system from the host's side: four containers, in their order, each with what it needs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builder.basics.errors import HostError, SourceError, StepError, UsageError
from builder.basics.texts import render
from builder.border import paths
from builder.border.events import Event, Note
from builder.border.jobs import (
    BACKUP_STATE,
    COPY_SYSTEM,
    LOOK_AT_TARGET,
    MAKE_START,
    READ_DISK,
)
from builder.border.whole_systems import DiskRead, Looked, MadeStart, SystemCopied
from builder.host.backup.system_words import done_text, plan_text
from builder.host.backup.whole_system import SystemPlan, planned_system, restore_system
from tests.support.fake_engine import FakeEngine, answering
from tests.support.stored import state, stored
from tests.unit.host.backup.test_target_disk import CACHE, OURS, ROOT, Place, place

__all__ = ["place"]

LOOKED = Looked(
    system="Debian GNU/Linux 13 (trixie)", hostname="kiosk", size=3 << 30, entries=90000,
    kernels=("6.12",), homeless=(), continued=False,
)  # fmt: skip
READ = DiskRead(uuids=("of-root", "of-esp"), platforms=("i386-pc", "x86_64-efi"))
STARTED = MadeStart(kernels=("6.12",), platforms=READ.platforms, switched_off=(), optional=())
ESP = "5 3 8:18 / {target}/boot/efi rw - vfat /dev/sdb2 rw\n"


def engine(**more: object) -> FakeEngine:
    answers: dict[str, Any] = {
        BACKUP_STATE.name: answering(state(stored("1"), stored("2", complete=False))),
        LOOK_AT_TARGET.name: answering(LOOKED),
        READ_DISK.name: answering(READ),
        COPY_SYSTEM.name: answering(SystemCopied(entries=90000, files=70000)),
        MAKE_START.name: answering(STARTED),
    }
    answers |= {name.replace("_", "-"): answering(value) for name, value in more.items()}
    return FakeEngine(answers=answers)


def planned(place: Place, told: FakeEngine, selector: str = "latest") -> SystemPlan:
    return planned_system(
        place.with_mounts(OURS, CACHE, ROOT, ESP).cache,
        selector,
        told,
        folder=place.target,
        on_event=lambda _event: None,
        machine=place.machine,
    )


def seen(told: FakeEngine, name: str) -> dict[Path, tuple[str, bool]]:
    (spec,) = [each for each in told.specs if each.job.name == name]
    return {each.target: (each.source, each.read_only) for each in spec.binds}


def test_a_plan_writes_nothing(place: Place) -> None:
    told = engine()
    plan = planned(place, told)
    assert [each.job.name for each in told.specs] == [
        "backup-state", "look-at-target", "read-disk",
    ]  # fmt: skip
    assert all(each.read_only for spec in told.specs for each in spec.binds)
    assert told.specs[-1].devices == ("/dev/sdb", "/dev/sdb3", "/dev/sdb2")
    assert plan.target.snapshot == "uuid-1"


def test_a_later_backup_of_a_cache_without_snapshots_is_another_one(place: Place) -> None:
    copies = [replace(stored("cache"), uuid="", taken=taken) for taken in (1_700_000_000, 1)]
    plans = [planned(place, engine(backup_state=state(each))) for each in copies]
    assert [each.target.snapshot for each in plans] == ["1700000000", "1"]


def test_who_runs_the_systems_programs_sees_no_cache_and_who_copies_no_device(
    place: Place,
) -> None:
    told = engine()
    plan = planned(place, told)
    restore_system(plan, told, on_event=lambda _event: None, machine=place.machine)
    snapshot = str(place.cache / ".rootfs_cache/.snapshots/1/snapshot")
    assert seen(told, "copy-system") == {
        paths.SOURCE: (snapshot, True),
        paths.TARGET: (str(place.target), False),
    }
    assert seen(told, "make-start") == {paths.TARGET: (str(place.target), False)}
    copying, starting = told.specs[-2:]
    assert copying.devices == ()
    assert starting.devices == ("/dev/sdb", "/dev/sdb3", "/dev/sdb2")
    assert starting.request.read == READ


def test_an_incomplete_snapshot_is_never_a_system(place: Place) -> None:
    told = engine()
    with pytest.raises(SourceError, match="Snapshot 2 is not complete"):
        planned(place, told, "2")
    assert [each.job.name for each in told.specs] == ["backup-state"]


def test_an_engine_without_root_is_refused_before_anything(place: Place) -> None:
    told = engine()
    told.facts = lambda: replace(FakeEngine.facts(told), rootless=True)  # type: ignore[method-assign]
    with pytest.raises(HostError, match="The engine runs without root"):
        planned(place, told)
    assert told.specs == []


def test_what_was_swapped_while_somebody_was_asked_is_not_written_to(place: Place) -> None:
    told = engine()
    plan = planned(place, told)
    place.with_mounts(OURS, CACHE, ROOT.replace("sdb3", "sdc3"))
    with pytest.raises(UsageError, match="changed meanwhile, so nothing was written"):
        restore_system(plan, told, on_event=lambda _event: None, machine=place.machine)
    assert len(told.specs) == 3


def test_files_without_a_boot_loader_are_said_to_be_that(place: Place) -> None:
    told = engine(make_start=StepError("grub-install failed"))
    plan = planned(place, told)
    events: list[Event] = []
    with pytest.raises(StepError, match="grub-install failed"):
        restore_system(plan, told, on_event=events.append, machine=place.machine)
    (note,) = [each for each in events if isinstance(each, Note)]
    assert "does not start yet" in render(note.message, note.values)


def test_people_are_told_what_would_happen(place: Place) -> None:
    text = plan_text(planned(place, engine()))
    for words in ("kiosk", "90000, 3.0 GiB", "/boot/efi    /dev/sdb2, vfat", "GRUB, to /dev/sdb",
                  "BIOS, UEFI", "EFI/BOOT/BOOTX64.EFI, is replaced"):  # fmt: skip
        assert words in text, text
    assert "own system" not in text
    plan = planned(place, engine())
    shared = replace(plan, shared=True, uefi=True, read=replace(READ, platforms=("i386-pc",)))
    text = plan_text(replace(shared, looked=replace(LOOKED, homeless=("anna",), continued=True)))
    for words in ("To be gone on with", "own system is on /dev/sdb too", "The homes of anna",
                  "started with UEFI, with which the disk will not start"):  # fmt: skip
        assert words in text, text


def test_people_are_told_what_is_left_to_do(place: Place) -> None:
    told = engine(
        look_at_target=replace(LOOKED, homeless=("anna", "bob")),
        make_start=replace(
            STARTED, switched_off=("/swapfile none swap sw 0 0",), optional=("/data",)
        ),
    )
    plan = planned(place, told)
    done = restore_system(plan, told, on_event=lambda _event: None, machine=place.machine)
    text = done_text(plan, done)
    for words in ("homes for anna, bob", "swap space", "Switched off: /swapfile none swap",
                  "Starts also without: /data", "machine id and ssh keys are those"):  # fmt: skip
        assert words in text, text
