"""How a cache is: its state, and what of that is a reason to worry."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from builder.basics.texts import say
from builder.border import paths
from builder.border.backups import CacheState, StoredSnapshot
from builder.border.events import OnEvent
from builder.border.jobs import BACKUP_STATE
from builder.border.labels import new_run
from builder.border.requests import Nothing
from builder.host.backup.retention import moment, moment_of
from builder.host.backup.schedule import SERVICE
from builder.host.engine import Bind, ContainerSpec, Engine
from builder.host.image.builder_image import ensure_builder
from builder.host.source.cache_named import cache_named


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A cache's state at one moment."""

    state: CacheState
    newest: StoredSnapshot | None  # complete
    age: timedelta | None  # of the newest; None without one
    troubles: tuple[str, ...]  # sentences; none where all is well


def read_state(cache: Path, engine: Engine, *, on_event: OnEvent) -> CacheState:
    """Ask a container what the cache has. Raises SourceError where there is none."""
    spec = ContainerSpec(
        image=ensure_builder(engine, on_event=on_event).id,
        job=BACKUP_STATE,
        request=Nothing(),
        run=new_run(),
        binds=(Bind(source=str(cache.resolve()), target=paths.CACHE),),
    )
    with cache_named(cache):
        return engine.run(spec, on_event)


def judged(
    state: CacheState, *, now: datetime, zone: tzinfo, max_age: timedelta | None = None
) -> Status:
    """Say what is wrong with a cache; a newest snapshot older than `max_age` is, too."""
    complete = [each for each in state.snapshots if each.complete]
    newest = complete[-1] if complete else None
    age = now - moment(newest, zone=zone) if newest else None
    troubles = []
    if newest is None:
        troubles.append(say("There is no complete snapshot: make a backup"))
    if state.began is not None and not state.running:
        began = moment_of(state.began, zone=zone)
        troubles.append(
            say("The backup of {began} did not finish: make another one, which goes on with it",
                began=f"{began:%Y-%m-%d %H:%M}")
        )  # fmt: skip
    if age is not None and max_age is not None and age > max_age:
        troubles.append(
            say("The newest complete snapshot is {age} old: make a backup; why a schedule did not, "
                "`journalctl -u {service}` says",
                age=readable_age(age), service=SERVICE)
        )  # fmt: skip
    return Status(state=state, newest=newest, age=age, troubles=tuple(troubles))


def readable_age(age: timedelta) -> str:
    """Return an age in its largest whole unit: "3 days"."""
    minutes = max(int(age.total_seconds() // 60), 0)
    hours, days = minutes // 60, minutes // (24 * 60)
    if days >= 2:
        return say("{count} days", count=days)
    if hours >= 2:
        return say("{count} hours", count=hours)
    return say("{count} minutes", count=minutes)
