"""Which tree of a cache a selector means. Pure functions: a report in, a candidate out.

Snapper's dates are UTC; the backup's metadata and raw names are local time without a zone, which
the scan read as UTC. `zone` is the user's, in which days are meant and times are shown.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from difflib import get_close_matches
from typing import Final

from builder.basics.errors import SourceError, UsageError
from builder.basics.texts import render, say
from builder.border.cache_report import CacheReport, Candidate
from builder.formats.snapshot import LATEST, SnapshotKind

_AS_IT_IS_NOW: Final = (SnapshotKind.CACHE, SnapshotKind.TREE)  # not a snapshot of it
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MINUTES: Final = len("2026-06-17 14:30")


def choose(report: CacheReport, selector: str, *, zone: tzinfo) -> Candidate:
    """Return the candidate that `selector` means, which can be built.

    `selector` is "latest", "cache", "tree", a snapper number, "@YYYY-MM-DD_HH:MM" or "YYYY-MM-DD".
    Raises UsageError where there is no such thing, SourceError where it cannot be built.
    """
    if selector == LATEST:
        return _latest(report)
    if _DATE.fullmatch(selector):
        return _of_day(report, selector, zone)
    for candidate in report.candidates:
        if candidate.selector == selector:
            return _usable(report, candidate)
    raise _unknown(report, selector)


def label(report: CacheReport) -> str:
    """Return the guide's one line for a source: `2026-06-17 14:30 | SysLinuxOS | 8.2G`."""
    current = _current(report)
    distro = report.distro or (current.system.pretty_name if current.system else "")
    date = report.date or f"{datetime.fromtimestamp(current.taken, UTC):%Y-%m-%d %H:%M}"
    return " | ".join(part for part in (date[:_MINUTES], distro, report.size) if part)


def local_time(report: CacheReport, candidate: Candidate, *, zone: tzinfo) -> datetime:
    """Return when `candidate` was taken, as the user's clock showed it."""
    moment = datetime.fromtimestamp(candidate.taken, UTC)
    zoneless = (
        candidate.kind is SnapshotKind.RAW
        or (
            candidate.kind is SnapshotKind.CACHE  # without a usable date, a file's time stands in
            and report.date[:_MINUTES] == f"{moment:%Y-%m-%d %H:%M}"
        )
    )
    return moment.replace(tzinfo=zone) if zoneless else moment.astimezone(zone)


def is_cache_newer(report: CacheReport, chosen: Candidate, *, zone: tzinfo) -> bool:
    """Whether the cache itself holds a newer state than the snapshot `chosen`."""
    if chosen.kind in _AS_IT_IS_NOW:
        return False
    current = local_time(report, _current(report), zone=zone)
    return current > local_time(report, chosen, zone=zone)


def _current(report: CacheReport) -> Candidate:
    """Return the source as it is now, which every scan reports."""
    (current,) = [each for each in report.candidates if each.kind in _AS_IT_IS_NOW]
    return current


def _snapshots(report: CacheReport) -> list[Candidate]:
    return [each for each in report.candidates if each.kind not in _AS_IT_IS_NOW]


def _latest(report: CacheReport) -> Candidate:
    snapshots = _snapshots(report)
    if not snapshots and not _may_have_snapshots(report):
        return _usable(report, _current(report))
    usable = [snapshot for snapshot in snapshots if snapshot.complete and snapshot.read_only]
    if usable:
        return max(usable, key=lambda snapshot: snapshot.taken)
    raise SourceError(
        "The cache has no complete read-only snapshot",
        hint="{usable}",
        usable=_usable_ones(report),
    )


def _may_have_snapshots(report: CacheReport) -> bool:
    """A snapshot that could not be read must not silently become the cache."""
    return report.filesystem == "btrfs" and bool(report.skipped)


def _of_day(report: CacheReport, day: str, zone: tzinfo) -> Candidate:
    of_day = [
        candidate
        for candidate in report.candidates
        if f"{local_time(report, candidate, zone=zone):%Y-%m-%d}" == day
    ]
    if not of_day:
        raise _unknown(report, day)
    snapshots = [each for each in of_day if each.kind not in _AS_IT_IS_NOW]
    complete = [each for each in snapshots if each.complete]
    if complete:
        return max(complete, key=lambda candidate: candidate.taken)
    return _usable(report, of_day[-1])  # the cache, where it is of that day, comes last


def _usable(report: CacheReport, candidate: Candidate) -> Candidate:
    if candidate.complete:
        return candidate
    problems = [render(each.message, dict(each.values)) for each in candidate.problems]
    remedies = [render(each.hint, dict(each.values)) for each in candidate.problems if each.hint]
    raise SourceError(
        "{selector} cannot be built: {problems}",
        hint="{remedies} {usable}",
        selector=candidate.selector,
        problems="; ".join(problems),
        remedies=" ".join(dict.fromkeys(remedies)),
        usable=_usable_ones(report),
    )


def _usable_ones(report: CacheReport) -> str:
    usable = [candidate.selector for candidate in report.candidates if candidate.complete]
    if not usable:
        return say("Nothing here can be built.")
    return say("You can build: {selectors}.", selectors=", ".join(usable))


def _unknown(report: CacheReport, selector: str) -> UsageError:
    selectors = [LATEST, *(candidate.selector for candidate in report.candidates)]
    if _current(report).kind is SnapshotKind.TREE:
        return UsageError(
            "A tree has no snapshots, so the selector {selector} does not apply",
            hint="Leave out the selector: there is only the tree itself.",
            selector=selector,
        )
    near = _nearest(selector, selectors)
    return UsageError(
        "The cache has no snapshot {selector}; did you mean {near}?"
        if near
        else "The cache has no snapshot {selector}",
        hint="Available: {selectors}. A day (YYYY-MM-DD) selects its newest snapshot.",
        selector=selector,
        near=near,
        selectors=", ".join(selectors),
    )


def _nearest(selector: str, selectors: Sequence[str]) -> str:
    if selector.isdigit():  # a number that looks alike is no hint
        return ""
    return next(iter(get_close_matches(selector, selectors, n=1)), "")
