"""Whether a cache is whole: what a check found, and what of that is a reason to worry."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Final, assert_never

from builder.basics.regular import read_whole
from builder.basics.sizes import readable_size
from builder.basics.texts import say
from builder.border import paths
from builder.border.backups import Checked, CheckedSnapshot, CheckRequest, Wholeness
from builder.border.events import OnEvent
from builder.border.jobs import CHECK_CACHE
from builder.border.labels import new_run
from builder.formats.snapshot import SnapshotKind
from builder.host.backup.retention import moment, moment_of
from builder.host.backup.status import judged
from builder.host.engine import Bind, ContainerSpec, Engine
from builder.host.image.builder_image import ensure_builder
from builder.host.source.cache_named import cache_named

SCRUBS: Final = Path("/var/lib/btrfs")  # btrfs-scrub(8), FILES; readable by root
_LONGEST: Final = 1 << 20  # bytes
_NUMBER: Final = re.compile(r"(t_start|finished|uncorrectable_errors):([0-9]{1,18})")
_LEAST_FREE: Final = 0.05  # of the volume
# The metadata has no zone, and is written a moment before the snapshot is made.
_APART: Final = timedelta(hours=27)
_FOR_A_SHELL: Final = re.compile(r'["$`\\\s]+')  # what the metadata does not hold of a name


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrub:
    """The last time that btrfs read a whole volume."""

    began: int  # seconds since 1970
    finished: bool
    errors: int  # that it could not correct


def check(cache: Path, engine: Engine, *, read_data: bool, on_event: OnEvent) -> Checked:
    """Have a container check the cache. Raises SourceError where there is none."""
    spec = ContainerSpec(
        image=ensure_builder(engine, on_event=on_event).id,
        job=CHECK_CACHE,
        request=CheckRequest(read_data=read_data),
        run=new_run(),
        binds=(Bind(source=str(cache.resolve()), target=paths.CACHE),),
    )
    with cache_named(cache):
        return engine.run(spec, on_event)


def last_scrub(filesystem: str, *, folder: Path = SCRUBS) -> Scrub | None:
    """Return the last scrub of a btrfs, as btrfs-progs keeps it; None where that is not known.

    Of several disks, the earliest, and all their errors. Format: cmds/scrub.c of btrfs-progs.
    """
    try:
        text = read_whole(folder / f"scrub.status.{filesystem}", limit=_LONGEST).decode("ascii")
    except (OSError, ValueError):
        return None
    disks = [dict(_NUMBER.findall(line)) for line in text.split("\n")]
    known = [{key: int(value) for key, value in each.items()} for each in disks if each]
    if not known:
        return None
    return Scrub(
        began=min(each.get("t_start", 0) for each in known),
        finished=all(each.get("finished", 0) for each in known),
        errors=sum(each.get("uncorrectable_errors", 0) for each in known),
    )


def troubles_of(
    checked: Checked,
    *,
    now: datetime,
    zone: tzinfo,
    scrub: Scrub | None,
    max_age: timedelta | None = None,
) -> tuple[str, ...]:
    """Return what is wrong with a cache, a sentence each; none where all is well."""
    state = checked.state
    found = [*judged(state, now=now, zone=zone, max_age=max_age).troubles]
    found += [text for each in checked.snapshots if (text := trouble_of(each))]
    if checked.device_errors:
        errors = ", ".join(checked.device_errors)
        found.append(say("The kernel has counted errors of the disks: {errors}", errors=errors))
    if scrub is not None and scrub.errors:
        found.append(
            say("The scrub of {began} found {count} errors that it could not correct",
                began=f"{moment_of(scrub.began, zone=zone):%Y-%m-%d}", count=scrub.errors)
        )  # fmt: skip
    if state.total and state.free < _LEAST_FREE * state.total:
        found.append(say("The volume is nearly full: {free} are free",
                         free=readable_size(state.free)))  # fmt: skip
    return (*found, *_untrue(checked, zone))


def trouble_of(found: CheckedSnapshot) -> str:
    """Return what is wrong with a snapshot; "" for nothing.

    One without a system in it is none: DistroClone Backup's first one is empty.
    """
    match found.wholeness:
        case Wholeness.DAMAGED if found.path:
            return say("Snapshot {selector} is damaged: {path} cannot be read: {reason}",
                       selector=found.selector, path=found.path, reason=found.reason)  # fmt: skip
        case Wholeness.DAMAGED:
            return say("Snapshot {selector} is damaged: it cannot be read to its end",
                       selector=found.selector)  # fmt: skip
        case Wholeness.CHANGED:
            return say("Snapshot {selector} is not what was backed up: files in it were changed",
                       selector=found.selector)  # fmt: skip
        case Wholeness.WHOLE | Wholeness.INCOMPLETE | Wholeness.UNKNOWN:
            if found.read_only or found.selector == SnapshotKind.CACHE.value:
                return ""
            return say("Snapshot {selector} can be written to", selector=found.selector)
        case how:
            assert_never(how)


def _untrue(checked: Checked, zone: tzinfo) -> list[str]:
    """Return what `.backup_meta` says and is not so."""
    state, found = checked.state, []
    if not state.date:
        return [say("The cache has no metadata (.backup_meta): no backup ever finished")]
    if (
        state.began is None
        and checked.tree_distro
        and _plain(state.distro) != _plain(checked.tree_distro)
    ):
        found.append(say("The metadata names {distro}, and the copy is of {other}",
                         distro=state.distro or "-", other=checked.tree_distro))  # fmt: skip
    ours = [each for each in state.snapshots if each.complete and not each.zoneless]
    try:
        written = datetime.fromisoformat(state.date).replace(tzinfo=zone)
    except ValueError:
        return [*found, say("The metadata has an invalid date: {date}", date=state.date)]
    if state.began is None and ours and written < moment(ours[-1], zone=zone) - _APART:
        found.append(say("The metadata is older than the newest snapshot: it says {date}",
                         date=state.date))  # fmt: skip
    return found


def _plain(name: str) -> str:
    return _FOR_A_SHELL.sub(" ", name).strip()
