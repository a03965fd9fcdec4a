"""Deletes snapshots that somebody chose, or a whole cache."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from builder.basics.errors import UsageError
from builder.border import paths
from builder.border.backups import DeleteCacheRequest, SnapshotName, StoredSnapshot
from builder.border.events import OnEvent
from builder.border.jobs import DELETE_CACHE
from builder.border.labels import new_run
from builder.host.backup.selecting import older_than as chosen_by_age
from builder.host.backup.selecting import selected
from builder.host.backup.session import delete, name_of
from builder.host.backup.status import read_state
from builder.host.engine import Bind, ContainerSpec, Engine
from builder.host.image.builder_image import ensure_builder
from builder.host.source.local_zone import local_zone
from builder.host.source.other_backups import check_no_other


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """The snapshots of a cache that shall go."""

    cache: Path
    snapshots: tuple[StoredSnapshot, ...]
    others: tuple[SnapshotName, ...] = ()  # of a whole cache: subvolumes beside its snapshots


def planned_deletion(
    cache: Path,
    engine: Engine,
    *,
    selectors: tuple[str, ...],
    older_than: timedelta | None,
    on_event: OnEvent,
) -> Deletion:
    """Return what would go: what is named, else what is too old, else everything.

    Raises UsageError where single snapshots shall go of a cache that has none.
    """
    state = read_state(cache, engine, on_event=on_event)
    if state.plain and (selectors or older_than is not None):
        raise UsageError(
            "The cache has no snapshots that could be deleted: its file system knows none",
            hint="It holds the last backup alone; --all deletes it, with the whole cache.",
        )
    zone = local_zone()
    if selectors:
        named = [selected(state.snapshots, each, zone=zone) for each in selectors]
        snapshots = tuple(dict.fromkeys(named))
    elif older_than is not None:
        snapshots = chosen_by_age(state.snapshots, older_than, now=datetime.now(UTC), zone=zone)
    else:
        return Deletion(cache=cache, snapshots=state.snapshots, others=state.others)
    return Deletion(cache=cache, snapshots=snapshots)


def carry_out(
    plan: Deletion, engine: Engine, *, everything: bool, on_event: OnEvent
) -> tuple[StoredSnapshot, ...]:
    """Delete the snapshots, or `everything`, and return the snapshots that went."""
    check_no_other(plan.cache)
    image = ensure_builder(engine, on_event=on_event).id
    if everything:
        spec = ContainerSpec(
            image=image,
            job=DELETE_CACHE,
            request=DeleteCacheRequest(subvolumes=(*map(name_of, plan.snapshots), *plan.others)),
            run=new_run(),
            binds=(Bind(source=str(plan.cache.resolve()), target=paths.CACHE, read_only=False),),
        )
        engine.run(spec, on_event)
    else:
        delete(plan.cache, plan.snapshots, engine, image=image, on_event=on_event)
    return plan.snapshots
