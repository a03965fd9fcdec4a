"""Which snapshots of a cache are meant. Pure functions: a state in, snapshots out."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Final

from builder.basics.errors import SourceError, UsageError
from builder.border.backups import StoredSnapshot
from builder.formats.snapshot import LATEST
from builder.host.backup.retention import moment

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def selected(snapshots: Sequence[StoredSnapshot], selector: str, *, zone: tzinfo) -> StoredSnapshot:
    """Return the snapshot that `selector` means: a name, a day, or "latest".

    A day and "latest" mean the newest complete one. Raises UsageError or SourceError for none.
    """
    complete = [each for each in snapshots if each.complete]
    if selector == LATEST:
        if not complete:
            raise SourceError(
                "The cache has no complete snapshot",
                hint="Make a backup: distroclone-builder backup",
            )
        return complete[-1]
    if _DAY.fullmatch(selector):
        named = [each for each in complete if f"{moment(each, zone=zone):%Y-%m-%d}" == selector]
    else:
        named = [each for each in snapshots if each.selector == selector]
    if not named:
        raise UsageError(
            "The cache has no snapshot {selector}",
            hint="Available: {selectors}. A day (YYYY-MM-DD) selects its newest complete one.",
            selector=selector,
            selectors=", ".join([LATEST, *(each.selector for each in snapshots)]),
        )
    return named[-1]


def older_than(
    snapshots: Sequence[StoredSnapshot], age: timedelta, *, now: datetime, zone: tzinfo
) -> tuple[StoredSnapshot, ...]:
    """Return the snapshots of backups that are older; never the newest complete one."""
    newest = [each for each in snapshots if each.complete][-1:]
    return tuple(
        each
        for each in snapshots
        if each.routine and each not in newest and now - moment(each, zone=zone) > age
    )
