"""Restores files from a snapshot into a new or empty folder."""

from pathlib import Path

from builder.basics.errors import HostError
from builder.border import paths
from builder.border.backups import FolderIdentity, Restored, RestoreRequest, StoredSnapshot
from builder.border.events import Note, OnEvent
from builder.border.jobs import RESTORE
from builder.border.labels import new_run
from builder.host.backup.selecting import selected
from builder.host.backup.status import read_state
from builder.host.engine import Bind, ContainerSpec, Engine
from builder.host.engine.owner import ourselves
from builder.host.image.builder_image import ensure_builder
from builder.host.source.local_zone import local_zone


def restore(
    cache: Path,
    selector: str,
    wanted: tuple[str, ...],
    engine: Engine,
    *,
    target: Path,
    on_event: OnEvent,
) -> tuple[StoredSnapshot, Restored]:
    """Copy what is `wanted` of a snapshot, or everything, into the folder `target`.

    The folder is made where there is none: for its owner alone, if files are `wanted`. Raises what
    the job raises, and HostError for a folder that cannot be made.
    """
    state = read_state(cache, engine, on_event=on_event)
    snapshot = selected(state.snapshots, selector, zone=local_zone())
    if not snapshot.complete:
        message = "Snapshot {selector} is not complete: something may be missing in it"
        values = {"selector": snapshot.selector}
        on_event(Note(level="warning", message=message, values=values))
    _make(target, private=bool(wanted))
    status = target.stat()
    identity = FolderIdentity(boot=ourselves().boot, device=status.st_dev, inode=status.st_ino)
    spec = ContainerSpec(
        image=ensure_builder(engine, on_event=on_event).id,
        job=RESTORE,
        request=RestoreRequest(folder=identity, paths=wanted),
        run=new_run(),
        binds=(
            Bind(source=str(cache.resolve() / snapshot.path), target=paths.SOURCE),
            Bind(source=str(target.resolve()), target=paths.RESTORED, read_only=False),
        ),
    )
    return snapshot, engine.run(spec, on_event)


def _make(target: Path, *, private: bool) -> None:
    """Make the folder; one for files to look at is for nobody else, as some may give rights."""
    try:
        target.mkdir(0o700 if private else 0o777, exist_ok=True)
    except OSError as error:
        raise HostError(
            "The folder {path} cannot be made: {reason}",
            hint="Make it yourself, empty, and give it with --to.",
            path=target,
            reason=error.strerror or error,
        ) from error
