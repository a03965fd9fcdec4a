"""Which old snapshots go: a pure function of what there is.

Snapshots count from the newest back: the last ones, and the newest of each of the last days, weeks
and months that have any. Only what backups made counts and goes; never the newest complete one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final

from builder.border.backups import StoredSnapshot

LAST: Final = 10
_LAST_MOMENT: Final = 253402214400  # 9999-12-31: a day before the end, for any zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How many snapshots are kept, of each kind."""

    last: int = LAST
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    at_once: int | None = None  # how many go after one backup at most; None for any number


def superfluous(
    snapshots: Sequence[StoredSnapshot], retention: Retention, *, zone: tzinfo
) -> tuple[StoredSnapshot, ...]:
    """Return the snapshots to delete, oldest first; `snapshots` are in order of their making.

    `zone` is the user's, in which days begin. One that is not complete counts as none, and goes
    when it is older than all that stay.
    """
    routine = [each for each in snapshots if each.routine]
    newest_first = [each for each in reversed(routine) if each.complete]
    kept = {each.uuid for each in newest_first[: max(retention.last, 1)]}  # the newest always is
    for count, period in (
        (retention.daily, "%Y-%m-%d"),
        (retention.weekly, "%G-%V"),
        (retention.monthly, "%Y-%m"),
    ):
        kept |= {each.uuid for each in _one_for_each(newest_first, count, _named(period, zone))}
    if not newest_first:
        return ()
    oldest = next(place for place, each in enumerate(snapshots) if each.uuid in kept)
    old = [
        each
        for place, each in enumerate(snapshots)
        if each.routine and each.uuid not in kept and (each.complete or place < oldest)
    ]
    return tuple(old[: retention.at_once])


def moment(snapshot: StoredSnapshot, *, zone: tzinfo) -> datetime:
    """Return when it was made, by the user's clock."""
    if not snapshot.zoneless:
        return moment_of(snapshot.taken, zone=zone)
    return moment_of(snapshot.taken, zone=UTC).replace(tzinfo=zone)


def moment_of(seconds: int, *, zone: tzinfo) -> datetime:
    """Return a moment that a cache names, in seconds since 1970.

    One that no calendar has, as a damaged cache may say, becomes the last or the first one.
    """
    return datetime.fromtimestamp(min(max(seconds, 0), _LAST_MOMENT), zone)


def _named(period: str, zone: tzinfo) -> Callable[[StoredSnapshot], str]:
    return lambda snapshot: moment(snapshot, zone=zone).strftime(period)


def _one_for_each(
    newest_first: Sequence[StoredSnapshot], count: int, name: Callable[[StoredSnapshot], str]
) -> Iterator[StoredSnapshot]:
    """Yield the newest snapshot of each of the last `count` periods that have one."""
    seen: set[str] = set()
    for each in newest_first:
        if len(seen) == count:
            return
        if name(each) not in seen:
            seen.add(name(each))
            yield each
