"""A whole build from the host's side: plan, act, check, deliver."""

import contextlib
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
from builder.border.labels import new_run
from builder.border.plan import BuildPlan
from builder.border.requests import Built
from builder.border.stored_blocks import BlockCounts
from builder.formats.identities import ImageIdentity
from builder.formats.result_names import (
    lock_name,
    manifest_name,
    private_name,
    provenance_name,
    sbom_names,
)
from builder.host.added import store as packages
from builder.host.block_cache import block_store
from builder.host.block_cache.key_file import secret_of
from builder.host.build.choice import Choice, Prepare, prepare, source_in
from builder.host.build.inspection import Inspection
from builder.host.build.planning import plan_of
from builder.host.config.build_config import Config
from builder.host.display import LogFile
from builder.host.engine import Bind, ContainerSpec, Engine, NamedVolume, RunningJob
from builder.host.engine.faults import EngineRefusedError
from builder.host.engine.protocol import HeldError
from builder.host.output.delivery import SIGNATURES, output_folder
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
) -> Outcome:
    """Build, verify and deliver. Whatever happens, nothing half-made gets a final name.

    `prepared` makes the choice; it may write nothing except the engine's images. Raises `Stopped`
    if `inspection` ends the build early.
    """
    inspection.check()
    secret = secret_of(config.block_store.key if config.block_store else None)
    run = new_run()
    with contextlib.ExitStack() as stack:
        source_in(config).check(outputs=(config.output,))
        output = stack.enter_context(output_folder(config.output))
        early: list[Event] = []
        choice = prepared(config, engine, run=run, on_event=_to_both(early.append, on_event))
        output.check_no_other_build(choice.iso_name)
        planned = _result_names(choice)
        output.check_names_free(*planned, *SIGNATURES)
        log = stack.enter_context(_log(output.path / f"{choice.iso_name}.log"))
        for event in early:
            log.event(event)
        tell = _to_both(log.event, on_event)
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
        partial = stack.enter_context(output.partial(run))
        with block_store.named(config.block_store), _started(engine, spec, partial) as job:
            try:
                built = job.finish(tell)
            except HeldError as held:
                raise inspection.look_into(held, engine) from held.failure
            if not built.delivered:
                with announced("fetch", tell) as progress:
                    chunks = job.fetch(paths.OUT)
                    output.fetch(
                        chunks, partial, built.artefacts, planned=planned, on_progress=progress
                    )
        with announced("deliver", tell) as progress:
            output.receive(partial, built.artefacts, planned=planned, on_progress=progress)
    return Outcome(
        folder=output.path,
        iso_name=choice.iso_name,
        image=choice.image,
        artefacts=tuple(
            each for each in built.artefacts if each.name != private_name(choice.iso_name)
        ),
        blocks=built.block_cache,
    )


def _result_names(choice: Choice) -> tuple[str, ...]:
    iso_name = choice.iso_name
    return (
        f"{iso_name}.iso",
        manifest_name(iso_name),
        *sbom_names(iso_name),
        provenance_name(iso_name),
        private_name(iso_name),
        *((lock_name(iso_name),) if choice.packages is not None else ()),
        SUMS,
    )


@contextlib.contextmanager
def _log(path: Path) -> Iterator[LogFile]:
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


def _to_both(first: Callable[[Event], None], second: OnEvent) -> OnEvent:
    def tell(event: Event) -> None:
        first(event)
        second(event)

    return tell
