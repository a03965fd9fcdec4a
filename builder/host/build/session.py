"""A whole build from the host's side: plan, act, check, deliver."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from builder.basics.errors import BuilderError, HostError, Stopped
from builder.basics.texts import say
from builder.border import paths
from builder.border.events import Event, OnEvent, announced
from builder.border.handover import SUMS, Artefact
from builder.border.jobs import BUILD
from builder.border.labels import LABEL_RUN, new_run
from builder.border.plan import BuildPlan
from builder.border.requests import Built
from builder.border.stored_blocks import BlockCounts
from builder.formats.identities import ImageIdentity
from builder.formats.result_names import private_name
from builder.host.added import store as packages
from builder.host.block_cache import block_store
from builder.host.block_cache.key_file import secret_of
from builder.host.build.choice import Prepare, prepare, source_in
from builder.host.build.inspection import Inspection
from builder.host.build.mark import BuildMark
from builder.host.build.planning import plan_of
from builder.host.config.build_config import Config
from builder.host.display import LogFile
from builder.host.engine import Bind, ContainerSpec, Engine, NamedVolume, RunningJob
from builder.host.engine.faults import EngineRefusedError
from builder.host.engine.protocol import HeldError
from builder.host.output.delivery import SIGNATURES, OutputFolder, output_folder
from builder.host.source.frozen import ChosenTree, SeenTree, seen_tree, work_volume
from builder.host.source.kinds import Source

_NO_INSPECTION: Final = Inspection()

Build = ContainerSpec[BuildPlan, Built]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a build made."""

    folder: Path
    iso_name: str
    image: ImageIdentity
    artefacts: tuple[Artefact, ...]  # what may be published
    blocks: BlockCounts | None = None  # use of the block cache; None: not used

    @property
    def iso(self) -> Artefact:
        """The ISO itself."""
        return next(each for each in self.artefacts if each.name == f"{self.iso_name}.iso")

    @property
    def sums(self) -> Artefact:
        """SHA256SUMS."""
        return next(each for each in self.artefacts if each.name == SUMS)

    @property
    def private(self) -> Path:
        """The private file."""
        return self.folder / private_name(self.iso_name)


def build(
    config: Config,
    engine: Engine,
    *,
    on_event: OnEvent,
    prepared: Prepare = prepare,
    inspection: Inspection = _NO_INSPECTION,
    stays: bool = True,
) -> Outcome:
    """Build, verify and deliver. Whatever happens, nothing half-made gets a final name.

    `prepared` makes the choice; it may write nothing except the engine's images. A build that
    `stays` goes on when we do not, and can be attached to. Raises `Stopped` if `inspection` ends
    the build early.
    """
    inspection.check()
    secret = secret_of(config.block_store.key if config.block_store else None)
    run = new_run()
    with contextlib.ExitStack() as stack:
        source_in(config).check(outputs=(config.output,))
        output = stack.enter_context(output_folder(config.output))
        output.remove_stale(keep=_runs_alone(engine))
        early: list[Event] = []
        choice = prepared(config, engine, run=run, on_event=to_both(early.append, on_event))
        output.check_no_other_build(choice.iso_name)
        mark = BuildMark(
            iso_name=choice.iso_name,
            adds_packages=choice.packages is not None,
            output=str(output.path),
            begun=int(time.time()),
            image=choice.image,
        )
        output.check_names_free(*mark.results, *SIGNATURES)
        log = stack.enter_context(logged(output.path / f"{choice.iso_name}.log"))
        for event in early:
            log.event(event)
        tell = to_both(log.event, on_event)
        tree = ChosenTree(
            engine=engine,
            image=choice.image.id,
            source=source_in(config),
            report=choice.report,
            candidate=choice.candidate,
            run=run,
            on_event=tell,
        )
        volume = stack.enter_context(work_volume(tree, output=output.path))
        seen = seen_tree(tree)
        plan = replace(
            plan_of(config, choice, run=run, place=seen.place),
            stop_after=inspection.stop_after,
            hold_failed=inspection.holds_failed,
            block_cache_key=secret,
        )
        if config.block_store is not None:
            block_store.prepare(engine, config.block_store)
        if plan.packages is not None:
            packages.fetch(engine, plan.image.id, plan.packages, config.packages, on_event=tell)
        spec = _container(config, plan, tree.source, seen, volume)
        if stays and not inspection.holds:
            spec = replace(spec, marks=mark.labels)
        partial = stack.enter_context(output.partial(run))
        with block_store.named(config.block_store), _started(engine, spec, partial) as job:
            try:
                built = job.finish(tell)
            except HeldError as held:
                raise inspection.look_into(held, engine) from held.failure
            delivery = Delivery(
                output=output,
                partial=partial,
                planned=mark.results,
                is_reached=built.delivered,
            )
            delivery.take(job, built, tell)
    return outcome_of(built, folder=output.path, iso_name=choice.iso_name, image=choice.image)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How the results of a finished build get their names."""

    output: OutputFolder
    partial: Path
    planned: tuple[str, ...]
    is_reached: bool  # the container wrote into `partial`; otherwise they are fetched

    def take(self, job: RunningJob[Built], built: Built, tell: OnEvent) -> None:
        """Fetch the results if need be, verify them, and give them their names."""
        if not self.is_reached:
            at = paths.DELIVERY if built.delivered else paths.OUT

            def fetch() -> None:
                with announced("fetch", tell) as progress:
                    self.output.fetch(
                        job.fetch(at),
                        self.partial,
                        built.artefacts,
                        planned=self.planned,
                        on_progress=progress,
                    )

            job.persist(fetch, tell)
        with announced("deliver", tell) as progress:
            self.output.receive(
                self.partial, built.artefacts, planned=self.planned, on_progress=progress
            )


def outcome_of(built: Built, *, folder: Path, iso_name: str, image: ImageIdentity) -> Outcome:
    """Return what a build made that was delivered."""
    private = private_name(iso_name)
    return Outcome(
        folder=folder,
        iso_name=iso_name,
        image=image,
        artefacts=tuple(each for each in built.artefacts if each.name != private),
        blocks=built.block_cache,
    )


def _runs_alone(engine: Engine) -> tuple[str, ...]:
    """Return the runs whose results may still come, though nobody may follow them."""
    containers = engine.leftover_containers()
    return tuple(each.labels[LABEL_RUN] for each in containers if each.goes_on)


@contextlib.contextmanager
def logged(path: Path) -> Iterator[LogFile]:
    """Open the log; an error that leaves the body is written to it, and names it."""
    with LogFile(path) as log:
        try:
            yield log
        except Stopped:
            raise
        except BuilderError as error:
            error.add_note(say("The full log is at {path}", path=path))
            with contextlib.suppress(HostError):  # a full disk must not hide the first error
                log.failure(error)
            raise


def _container(
    config: Config, plan: BuildPlan, source: Source, seen: SeenTree, volume: NamedVolume
) -> Build:
    store = config.block_store
    added = packages.seen(config.packages if plan.packages is not None else None)
    return ContainerSpec(
        image=plan.image.id,
        job=source.row(BUILD),
        request=plan,
        run=plan.run,
        binds=(seen.bind, *(block_store.binds(store) if store else ()), *added.binds),
        volumes=(volume, *(block_store.volumes(store) if store else ()), *added.volumes),
        isolation=config.isolation,
    )


@contextlib.contextmanager
def _started(engine: Engine, spec: Build, partial: Path) -> Iterator[RunningJob[Built]]:
    """Start the build with our results folder mounted, or without if the engine cannot do that."""
    bind = Bind(source=str(partial), target=paths.DELIVERY, read_only=False)
    with contextlib.ExitStack() as stack:
        try:
            job = stack.enter_context(engine.started(replace(spec, binds=(*spec.binds, bind))))
        except EngineRefusedError as error:
            if partial.name not in str(error):
                raise
            job = stack.enter_context(engine.started(spec))
        yield job


def to_both(first: Callable[[Event], None], second: OnEvent) -> OnEvent:
    """Return what tells both of each event, in this order."""

    def tell(event: Event) -> None:
        first(event)
        second(event)

    return tell
