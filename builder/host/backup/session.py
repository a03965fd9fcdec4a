"""A backup from the host's side: plan, copy, then delete what is too old."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from builder.basics.errors import BuilderError
from builder.basics.texts import say
from builder.border import paths
from builder.border.backups import (
    BackedUp,
    BackupRequest,
    DeleteSnapshotsRequest,
    FolderIdentity,
    FreezeSystemRequest,
    SnapshotName,
    StoredSnapshot,
)
from builder.border.events import Note, OnEvent
from builder.border.jobs import BACKUP, DELETE_SNAPSHOTS, FREEZE_SYSTEM
from builder.border.labels import LABEL_CACHE, frozen_name, new_run, volume_name
from builder.host.backup.mount_points import MOUNTINFO
from builder.host.backup.planning import RUNNING, BackupPlan, Seen, seen_system
from builder.host.backup.retention import superfluous
from builder.host.engine import Bind, ContainerSpec, Engine
from builder.host.engine.owner import labels, ourselves
from builder.host.image.builder_image import ensure_builder
from builder.host.source.cache_named import cache_named
from builder.host.source.frozen import thaw
from builder.host.source.local_zone import local_zone
from builder.host.source.other_backups import check_no_other

_MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a backup did, and which old snapshots went after it."""

    done: BackedUp
    deleted: tuple[StoredSnapshot, ...]


def back_up(
    plan: BackupPlan, engine: Engine, *, on_event: OnEvent, mountinfo: Path = MOUNTINFO
) -> Outcome:
    """Back up the system, then delete snapshots beyond the retention.

    Nothing is deleted unless the backup is complete. Raises what the jobs raise.
    """
    seen = seen_system(plan, engine_root=Path(engine.facts().root), mountinfo=mountinfo)
    check_no_other(plan.cache)
    image = ensure_builder(engine, on_event=on_event).id
    _tell_parts(seen, on_event)
    run = new_run()
    with _source(seen, engine, image=image, run=run, on_event=on_event) as (bind, identity):
        spec = ContainerSpec(
            image=image,
            job=BACKUP,
            request=_request(plan, seen, identity, run=run),
            run=run,
            binds=(bind, *_parts(seen), _cache(plan.cache)),
        )
        with cache_named(plan.cache):
            done = engine.run(spec, on_event)
    deleted = superfluous(done.snapshots, plan.retention, zone=local_zone())
    try:
        delete(plan.cache, deleted, engine, image=image, on_event=on_event)
    except BuilderError as error:
        error.add_note(
            say("The backup itself is complete: snapshot {number}", number=done.selector)
        )
        raise
    return Outcome(done=done, deleted=deleted)


def delete(
    cache: Path,
    snapshots: tuple[StoredSnapshot, ...],
    engine: Engine,
    *,
    image: str,
    on_event: OnEvent,
) -> None:
    """Delete snapshots of a cache, if there are any."""
    if not snapshots:
        return
    names = tuple(map(name_of, snapshots))
    spec = ContainerSpec(
        image=image,
        job=DELETE_SNAPSHOTS,
        request=DeleteSnapshotsRequest(snapshots=names),
        run=new_run(),
        binds=(_cache(cache),),
    )
    engine.run(spec, on_event)


def name_of(snapshot: StoredSnapshot) -> SnapshotName:
    """Return what tells a container which snapshot is meant."""
    return SnapshotName(path=snapshot.path, uuid=snapshot.uuid)


def _request(plan: BackupPlan, seen: Seen, identity: FolderIdentity, *, run: str) -> BackupRequest:
    offset = datetime.fromtimestamp(time.time(), UTC).astimezone(local_zone()).utcoffset()
    return BackupRequest(
        run=run,
        system=identity,
        filters=seen.filters,
        mounts=seen.parts,
        mounted=seen.mounted,
        frozen=seen.freezes and not seen.parts,
        running=seen.source == RUNNING,
        new=plan.new,
        adopt=plan.adopt,
        zone=int(offset.total_seconds()) if offset else 0,
    )


@contextlib.contextmanager
def _source(
    seen: Seen, engine: Engine, *, image: str, run: str, on_event: OnEvent
) -> Iterator[tuple[Bind, FolderIdentity]]:
    """Freeze the system where it can be, until the body is left; yield how it is seen."""
    source, status = seen.source, seen.source.stat()
    identity = FolderIdentity(boot=ourselves().boot, device=status.st_dev, inode=status.st_ino)
    if not seen.freezes:
        yield Bind(source=str(source), target=paths.SOURCE, alone=True), identity
        return
    name = frozen_name(run)

    def thawed() -> None:
        thaw(engine, image, source, (name,), run=run, on_event=on_event)

    # The volume's labels tell a sweep where the snapshot is, should nobody be left to delete it.
    marks = labels(run, "work") | {LABEL_CACHE: str(source)}
    with engine.volume(volume_name(run), labels=marks, before_removal=thawed):
        spec = ContainerSpec(
            image=image,
            job=FREEZE_SYSTEM,
            request=FreezeSystemRequest(name=name, system=identity),
            run=run,
            binds=(Bind(source=str(source), target=paths.SOURCE, read_only=False, alone=True),),
        )
        frozen = engine.run(spec, on_event)
        _tell_nested(seen, frozen.nested, on_event)
        bind = Bind(source=str(source / name), target=paths.SOURCE, alone=True)
        yield bind, replace(identity, device=frozen.device, inode=frozen.inode)


def _parts(seen: Seen) -> tuple[Bind, ...]:
    return tuple(
        Bind(source=str(seen.source / each), target=paths.SOURCE / each, alone=True)
        for each in seen.parts
    )


def _cache(cache: Path) -> Bind:
    return Bind(source=str(cache.resolve()), target=paths.CACHE, read_only=False)


def _tell_parts(seen: Seen, on_event: OnEvent) -> None:
    if seen.mounts.disks:
        parts = ", ".join(f"{each.path} ({each.kind})" for each in seen.mounts.disks)
        on_event(_note("Also backed up, since they are parts of the system: {parts}", parts=parts))
    for each in seen.mounts.elsewhere:
        on_event(
            Note(
                level="warning",
                message="{path} is not in the backup: it is on another machine ({kind})",
                values={"path": each.path, "kind": each.kind},
            )
        )

    for each in seen.mounts.foreign:
        on_event(
            Note(
                level="warning",
                message="{path} is not in the backup: it is on a {kind} file system",
                values={"path": each.path, "kind": each.kind},
            )
        )


def _tell_nested(seen: Seen, nested: tuple[str, ...], on_event: OnEvent) -> None:
    """Name the subvolumes that are neither mounted nor a part of the snapshot."""
    mounted = {each.root.strip("/") for each in seen.mounts.disks if each.kind == "btrfs"}
    lost = [each for each in nested if each not in mounted]
    if lost:
        values = {"count": str(len(lost)), "paths": ", ".join(lost[:_MOST_NAMED])}
        message = (
            "{count} subvolumes inside the system are not in the backup, for example {paths}: "
            "what is to be backed up must be mounted at its place"
        )
        on_event(Note(level="warning", message=message, values=values))


def _note(message: str, **values: str) -> Note:
    return Note(level="info", message=message, values=values)
