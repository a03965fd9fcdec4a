"""A build from beginning to end, as the host sees it: plan, act, check, deliver."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol, assert_never

from builder.basics.codec import from_data, to_data
from builder.basics.errors import BuilderError, HostError, SourceError
from builder.basics.texts import say
from builder.border.cache_report import CacheReport, Candidate
from builder.border.events import Event, Note, OnEvent, StepFinished, StepProgress, StepStarted
from builder.border.handover import SUMS, Artefact
from builder.border.labels import new_run
from builder.border.plan import PLAN_FORMAT, BuildPlan, Isolation
from builder.border.stored_blocks import BlockCounts
from builder.formats.identities import ImageIdentity
from builder.formats.result_names import (
    iso_stem,
    manifest_name,
    provenance_name,
    sbom_names,
    volume_id,
)
from builder.formats.system_facts import SystemFacts
from builder.host.block_cache import store as block_cache
from builder.host.config.build_config import Config, SourceKind
from builder.host.display import LogFile
from builder.host.engine import Bind, ContainerSpec, Engine, RunningJob
from builder.host.engine.owner import labels
from builder.host.image.builder_image import ensure_builder
from builder.host.output.delivery import SIGNATURES, output_folder
from builder.host.source.cache import CacheSource, TreeBind, scan_cache, tree_bind, work_volume
from builder.host.source.local_zone import local_zone
from builder.host.source.selection import choose, is_cache_newer, local_time

_OUT: Final = "/work/out"  # builder.border.paths.OUT and DELIVERY, seen from here
_DELIVERY: Final = "/delivery"
_FAT_BEGINS: Final = 315_532_800  # 1980-01-01, in seconds since 1970

# What the steps need, and nothing more: mounts and chroot for the initramfs, the rest for a
# faithful copy of owners, modes, device nodes and file capabilities.
BUILDING: Final = (
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "MKNOD", "SETFCAP", "SETGID",
    "SETUID", "SYS_ADMIN", "SYS_CHROOT",
)  # fmt: skip
MEMORY: Final = 3 << 29  # bytes, 1.5 GiB; the squashfs step is made to need less


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a build would be made from."""

    image: ImageIdentity
    report: CacheReport
    candidate: Candidate
    system: SystemFacts
    iso_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a build made."""

    folder: Path
    iso_name: str
    image: ImageIdentity
    artefacts: tuple[Artefact, ...]
    blocks: BlockCounts | None = None  # how the block cache served; None: it was not used

    @property
    def iso(self) -> Artefact:
        """The ISO itself."""
        return next(each for each in self.artefacts if each.name == f"{self.iso_name}.iso")

    @property
    def sums(self) -> Artefact:
        """SHA256SUMS."""
        return next(each for each in self.artefacts if each.name == SUMS)


class Prepare(Protocol):
    """Decides what a build is made from."""

    def __call__(
        self, config: Config, engine: Engine, *, run: str, on_event: OnEvent
    ) -> Choice: ...


def prepare(config: Config, engine: Engine, *, run: str, on_event: OnEvent) -> Choice:
    """Look at the cache and choose; nothing is written anywhere but in the engine's images."""
    image = ensure_builder(engine, on_event=on_event)
    if not image.locked:
        on_event(_note("The builder image is unlocked: its tools are not the pinned versions",
                       warning=True))  # fmt: skip
    report = scan_cache(engine, image.id, cache_source(config), run=run, on_event=on_event)
    for warning in report.warnings:
        on_event(Note(level="warning", message=warning.message, values=dict(warning.values)))
    candidate = choose(report, config.source.selector, zone=local_zone())
    choice = choice_of(config, image=image, report=report, candidate=candidate)
    on_event(_chosen(report, candidate, choice.system))
    if is_cache_newer(report, candidate, zone=local_zone()):
        on_event(_note("The cache itself is newer than this snapshot; `build cache` takes it"))
    return choice


def choice_of(
    config: Config, *, image: ImageIdentity, report: CacheReport, candidate: Candidate
) -> Choice:
    """Return the choice of a candidate. Raises SourceError for one without a system."""
    if candidate.system is None:
        raise SourceError("There is no system in {selector}", selector=candidate.selector)
    return Choice(
        image=image,
        report=report,
        candidate=candidate,
        system=candidate.system,
        iso_name=iso_stem(candidate.system, config.recipe.name),
    )


def build(
    config: Config, engine: Engine, *, on_event: OnEvent, prepared: Prepare = prepare
) -> Outcome:
    """Build, verify and deliver. Whatever happens, nothing half-made gets a final name.

    `prepared` makes the choice; it may write nothing but into the engine's images.
    """
    run = new_run()
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(output_folder(config.output))
        early: list[Event] = []
        choice = prepared(config, engine, run=run, on_event=_both(early.append, on_event))
        output.check_no_other_build(choice.iso_name)
        output.check_names_free(*_result_names(choice.iso_name))
        log = stack.enter_context(_log(output.path / f"{choice.iso_name}.log"))
        for event in early:
            log.event(event)
        tell = _both(log.event, on_event)
        origin = (engine, choice.image.id, cache_source(config), choice.candidate)
        volume = stack.enter_context(work_volume(*origin, run=run, on_event=tell))
        tree = tree_bind(*origin, run=run, on_event=tell)
        plan = plan_of(config, choice, run=run, frozen=tree.frozen)
        if config.block_store is not None:
            block_cache.prepare(engine, config.block_store)
        spec = _container(config, plan, tree, volume=volume)
        partial = stack.enter_context(output.partial(run))
        with block_cache.named(config.block_store), _started(engine, spec, partial) as job:
            result = job.finish(tell)
            artefacts = tuple(from_data(Artefact, each) for each in result["artefacts"])
            if not result["delivered"]:
                with _step("fetch", tell) as progress:
                    output.fetch(job.fetch(_OUT), partial, artefacts, on_progress=progress)
        with _step("deliver", tell) as progress:
            output.receive(partial, artefacts, on_progress=progress)
    return Outcome(
        folder=output.path,
        iso_name=choice.iso_name,
        image=choice.image,
        artefacts=artefacts,
        blocks=from_data(BlockCounts, counts) if (counts := result["block_cache"]) else None,
    )


def plan_of(config: Config, choice: Choice, *, run: str, frozen: bool) -> BuildPlan:
    """Return the plan: everything that decides a byte, and how the container finds its source."""
    return BuildPlan(
        format=PLAN_FORMAT,
        run=run,
        candidate=choice.candidate,
        recipe=config.recipe,
        image=choice.image,
        source_date_epoch=epoch_of(choice.candidate.taken),
        iso_name=choice.iso_name,
        volume_id=volume_id(choice.iso_name, config.recipe.volume_id),
        frozen=frozen,
        cache_image=cache_source(config).is_image,
        cache_base=choice.report.base,
        staging=config.staging,
    )


def epoch_of(taken: int) -> int:
    """Return SOURCE_DATE_EPOCH for a snapshot of that date: the date itself, as FAT can hold it.

    FAT begins in 1980 and counts in steps of two seconds.
    """
    return max(taken, _FAT_BEGINS) // 2 * 2


def cache_source(config: Config) -> CacheSource:
    """Return what the config names as the cache."""
    source = config.source
    match source.kind:
        case SourceKind.CACHE:
            return CacheSource(path=source.path, is_image=False)
        case SourceKind.CACHE_IMAGE:
            return CacheSource(path=source.path, is_image=True)
        case _:
            assert_never(source.kind)


def describe(config: Config, choice: Choice) -> dict[str, Any]:
    """Return a dry run's plan as plain data."""
    plan = plan_of(config, choice, run="", frozen=choice.candidate.subvolume)
    return {"output": str(config.output), "plan": to_data(plan)}


def _result_names(iso_name: str) -> tuple[str, ...]:
    return (
        f"{iso_name}.iso",
        manifest_name(iso_name),
        *sbom_names(iso_name),
        provenance_name(iso_name),
        SUMS,
        *SIGNATURES,
    )


@contextlib.contextmanager
def _log(path: Path) -> Iterator[LogFile]:
    """Open the log; an error that leaves the body is written to it and tells where it is."""
    with LogFile(path) as log:
        try:
            yield log
        except BuilderError as error:
            error.add_note(say("The whole log is {path}", path=path))
            with contextlib.suppress(HostError):  # a full disk must not hide the first error
                log.failure(error)
            raise


def _container(config: Config, plan: BuildPlan, tree: TreeBind, *, volume: str) -> ContainerSpec:
    store = config.block_store
    return ContainerSpec(
        image=plan.image.id,
        job="build",
        request=plan,
        labels=labels(plan.run, "build"),
        binds=(tree.bind, *(block_cache.binds(store) if store else ())),
        volume=volume,
        stores=block_cache.volumes(store) if store else (),
        capabilities=BUILDING,
        memory=MEMORY,
        isolation=Isolation(config.isolation),
        loop_devices=plan.cache_image,
    )


@contextlib.contextmanager
def _started(engine: Engine, spec: ContainerSpec, partial: Path) -> Iterator[RunningJob]:
    """Start the build with our folder for results in sight, or without where that cannot be."""
    bind = Bind(source=str(partial), target=_DELIVERY, read_only=False)
    with contextlib.ExitStack() as stack:
        try:
            job = stack.enter_context(engine.started(replace(spec, binds=(*spec.binds, bind))))
        except HostError as error:
            if partial.name not in str(error):
                raise
            job = stack.enter_context(engine.started(spec))
        yield job


@contextlib.contextmanager
def _step(name: str, on_event: OnEvent) -> Iterator[Callable[[float], None]]:
    """Announce a step of the host's own, and its end when it ends well."""
    started = time.monotonic()
    on_event(StepStarted(step=name, position=1, total=1))
    yield lambda done: on_event(StepProgress(step=name, fraction=done))
    on_event(StepFinished(step=name, seconds=round(time.monotonic() - started, 3)))


def _chosen(report: CacheReport, candidate: Candidate, system: SystemFacts) -> Note:
    taken = local_time(report, candidate, zone=local_zone())
    return _note(
        "Building from {selector}: {system}, taken {taken}",
        selector=candidate.selector,
        system=system.pretty_name,
        taken=f"{taken:%Y-%m-%d %H:%M}",
    )


def _note(message: str, *, warning: bool = False, **values: str) -> Note:
    return Note(level="warning" if warning else "info", message=message, values=values)


def _both(first: Callable[[Event], None], second: OnEvent) -> OnEvent:
    def tell(event: Event) -> None:
        first(event)
        second(event)

    return tell
