"""Restores a whole system to a mounted disk: looks at everything first, then copies, then GRUB."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.errors import HostError, SourceError, UsageError
from builder.border import paths
from builder.border.backups import StoredSnapshot
from builder.border.events import Note, OnEvent
from builder.border.jobs import COPY_SYSTEM, LOOK_AT_TARGET, MAKE_START, READ_DISK
from builder.border.labels import new_run
from builder.border.whole_systems import (
    CopySystemRequest,
    DiskRead,
    Looked,
    LookRequest,
    MadeStart,
    MakeStartRequest,
    ReadDiskRequest,
    SystemCopied,
    TargetDisk,
)
from builder.host.backup.selecting import selected
from builder.host.backup.status import read_state
from builder.host.backup.target_disk import HERE, ThisMachine, devices_of, target_disk
from builder.host.engine import Bind, ContainerSpec, Engine
from builder.host.image.builder_image import ensure_builder
from builder.host.source.local_zone import local_zone

BIOS: Final = "i386-pc"  # GRUB's names
UEFI: Final = "x86_64-efi"


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemPlan:
    """What would be restored, to where; made without writing anything."""

    cache: Path
    snapshot: StoredSnapshot
    folder: Path
    target: TargetDisk
    looked: Looked
    read: DiskRead
    shared: bool  # this machine's own system starts from that disk, too
    uefi: bool  # this machine was started by UEFI


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemRestored:
    """What was done."""

    copied: SystemCopied
    started: MadeStart


def planned_system(
    cache: Path,
    selector: str,
    engine: Engine,
    *,
    folder: Path,
    on_event: OnEvent,
    machine: ThisMachine = HERE,
) -> SystemPlan:
    """Look at the snapshot and at what is mounted at `folder`. Raises for all that is in the way.

    The errors are those of the jobs, UsageError for a folder that is no target, SourceError for a
    snapshot that is not complete, HostError for an engine that cannot do it.
    """
    check_engine(engine)
    state = read_state(cache, engine, on_event=on_event)
    snapshot = selected(state.snapshots, selector, zone=local_zone())
    check_complete(snapshot)
    name = identity_of(snapshot)
    target = target_disk(folder, cache=cache, snapshot=name, machine=machine)
    image = ensure_builder(engine, on_event=on_event).id
    looked = engine.run(
        ContainerSpec(
            image=image,
            job=LOOK_AT_TARGET,
            request=LookRequest(target=target, secure_boot=machine.has_secure_boot),
            run=new_run(),
            binds=(_source(cache, snapshot), _target(folder, read_only=True)),
        ),
        on_event,
    )
    read = engine.run(
        ContainerSpec(
            image=image,
            job=READ_DISK,
            request=ReadDiskRequest(disk=target.disk, parts=target.parts),
            run=new_run(),
            devices=devices_of(target),
        ),
        on_event,
    )
    return SystemPlan(
        cache=cache,
        snapshot=snapshot,
        folder=folder,
        target=target,
        looked=looked,
        read=read,
        shared=machine.shares(target),
        uefi=machine.has_uefi,
    )


def restore_system(
    plan: SystemPlan, engine: Engine, *, on_event: OnEvent, machine: ThisMachine = HERE
) -> SystemRestored:
    """Carry the plan out. Raises what the jobs raise; then the same command goes on."""
    uuid = plan.target.snapshot
    if target_disk(plan.folder, cache=plan.cache, snapshot=uuid, machine=machine) != plan.target:
        raise UsageError(
            "What is mounted at {path} changed meanwhile, so nothing was written",
            hint="Run the same command again.",
            path=plan.folder,
        )
    image = ensure_builder(engine, on_event=on_event).id
    copied = engine.run(
        ContainerSpec(
            image=image,
            job=COPY_SYSTEM,
            request=CopySystemRequest(target=plan.target, continued=plan.looked.continued),
            run=new_run(),
            binds=(_source(plan.cache, plan.snapshot), _target(plan.folder)),
        ),
        on_event,
    )
    try:
        started = engine.run(
            ContainerSpec(
                image=image,
                job=MAKE_START,
                request=MakeStartRequest(target=plan.target, read=plan.read),
                run=new_run(),
                binds=(_target(plan.folder),),
                devices=devices_of(plan.target),
            ),
            on_event,
        )
    except BaseException:
        message = "All files are there, but the system does not start yet: run the command again"
        on_event(Note(level="warning", message=message))
        raise
    return SystemRestored(copied=copied, started=started)


def check_engine(engine: Engine) -> None:
    """Raise HostError for an engine that cannot put a system back as it was."""
    if engine.facts().rootless:
        raise HostError(
            "The engine runs without root: it can neither keep owners nor write to a disk",
            hint="Use an engine that runs as root, e.g. --engine unix:///var/run/docker.sock.",
        )


def identity_of(snapshot: StoredSnapshot) -> str:
    """Return what tells a snapshot from all others."""
    # The copy of a cache without snapshots is another one after each backup.
    return snapshot.uuid or str(snapshot.taken)


def check_complete(snapshot: StoredSnapshot) -> None:
    """Raise SourceError for a snapshot from which something may be missing."""
    if not snapshot.complete:
        raise SourceError(
            "Snapshot {selector} is not complete: no whole system can be restored from it",
            hint="Take another one: `distroclone-builder snapshots` lists them. Single files of "
            "this one come back with --to.",
            selector=snapshot.selector,
        )


def _source(cache: Path, snapshot: StoredSnapshot) -> Bind:
    return Bind(source=str(cache.resolve() / snapshot.path), target=paths.SOURCE)


def _target(folder: Path, *, read_only: bool = False) -> Bind:
    return Bind(source=str(folder.resolve()), target=paths.TARGET, read_only=read_only)
