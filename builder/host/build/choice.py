"""Finds and chooses what a build is made from; nothing is written."""

from dataclasses import dataclass, replace
from typing import Protocol

from builder.basics.errors import SourceError
from builder.border.cache_report import CacheReport, Candidate
from builder.border.events import Note, OnEvent
from builder.formats.added_packages import PackagesLock
from builder.formats.identities import ImageIdentity
from builder.formats.result_names import (
    iso_stem,
)
from builder.formats.snapshot import SnapshotKind
from builder.formats.system_facts import SystemFacts
from builder.host.added.resolving import wanted_packages
from builder.host.config.build_config import Config
from builder.host.engine import Engine
from builder.host.image.builder_image import ensure_builder
from builder.host.source.frozen import ChosenTree
from builder.host.source.kinds import Source, source_of
from builder.host.source.local_zone import local_zone
from builder.host.source.other_backups import check_no_other
from builder.host.source.scanning import scan
from builder.host.source.selection import choose, is_cache_newer, local_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a build would be made from."""

    image: ImageIdentity
    report: CacheReport
    candidate: Candidate
    system: SystemFacts
    iso_name: str
    packages: PackagesLock | None = None  # that are added


class Prepare(Protocol):
    """Decides what a build is made from."""

    def __call__(
        self, config: Config, engine: Engine, *, run: str, on_event: OnEvent
    ) -> Choice: ...


def prepare(config: Config, engine: Engine, *, run: str, on_event: OnEvent) -> Choice:
    """Scan the cache and choose; nothing is written except the engine's images."""
    image = ensure_builder(engine, on_event=on_event)
    if not image.locked:
        on_event(_note("The builder image is unlocked: its tools are not the pinned versions",
                       warning=True))  # fmt: skip
    wanted = config.source.selector
    report = scan(engine, image.id, source_in(config), run=run, on_event=on_event, wanted=wanted)
    for warning in report.warnings:
        on_event(Note(level="warning", message=warning.message, values=dict(warning.values)))
    candidate = choose(report, wanted, zone=local_zone())
    if candidate.kind is SnapshotKind.CACHE:  # which DistroClone Backup may be writing to
        check_no_other(config.source.path)
    choice = choice_of(config, image=image, report=report, candidate=candidate)
    on_event(_chosen(report, candidate, choice.system))
    if config.packages.wanted:
        tree = ChosenTree(
            engine=engine,
            image=image.id,
            source=source_in(config),
            report=report,
            candidate=candidate,
            run=run,
            on_event=on_event,
        )
        choice = replace(choice, packages=wanted_packages(config.packages, tree))
    if is_cache_newer(report, candidate, zone=local_zone()):
        on_event(
            _note("The cache itself is newer than this snapshot; to build it, use `build cache`")
        )
    return choice


def choice_of(
    config: Config, *, image: ImageIdentity, report: CacheReport, candidate: Candidate
) -> Choice:
    """Return the choice of a candidate. Raises SourceError for one without a system."""
    if candidate.system is None:
        raise SourceError(
            "{selector} contains no system",
            hint="`distroclone-builder snapshots` lists what can be built.",
            selector=candidate.selector,
        )
    return Choice(
        image=image,
        report=report,
        candidate=candidate,
        system=candidate.system,
        iso_name=iso_stem(candidate.system, config.recipe.name),
    )


def source_in(config: Config) -> Source:
    """Return what the config names as the source."""
    return source_of(config.source.kind, config.source.path)


def _chosen(report: CacheReport, candidate: Candidate, system: SystemFacts) -> Note:
    taken = local_time(report, candidate, zone=local_zone())
    return _note(
        "The source is {selector}: {system}, taken {taken}",
        selector=candidate.selector,
        system=system.pretty_name,
        taken=f"{taken:%Y-%m-%d %H:%M}",
    )


def _note(message: str, *, warning: bool = False, **values: str) -> Note:
    return Note(level="warning" if warning else "info", message=message, values=values)
