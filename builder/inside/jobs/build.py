"""The build job: runs the steps of the plan one after the other."""

import contextlib
import os
import signal
from collections.abc import Iterator, Sequence

from builder.basics.errors import BuilderError, DefectError, Interrupted, StepError
from builder.border import paths
from builder.border.events import Held, OnEvent
from builder.border.plan import PLAN_FORMAT, BuildPlan
from builder.border.requests import Built
from builder.border.step_names import StepName
from builder.border.stored_blocks import LIMIT, BlockCounts
from builder.formats.result_names import private_name
from builder.inside.blocks import store as blocks
from builder.inside.blocks.store import BlockCache
from builder.inside.jobs.pipeline import pipeline
from builder.inside.jobs.workshop import workshop
from builder.inside.output.results import results_folder
from builder.inside.steps.initramfs import InitramfsStep
from builder.inside.steps.search import SearchStep
from builder.inside.steps.step import Step
from builder.inside.system.real_system import RealSystem


def build(plan: BuildPlan, *, on_event: OnEvent) -> Built:
    """Carry out the plan; return the artefacts with sizes and digests, and whether delivered."""
    if plan.format != PLAN_FORMAT:
        raise StepError(
            "This builder image cannot read plans of format {format}", format=plan.format
        )
    os.umask(0o022)
    system = RealSystem(on_event, source_date_epoch=plan.source_date_epoch, confines=True)
    for directory in (paths.ISO_TREE, paths.BOOT_PARTS):
        directory.mkdir()
    results = results_folder(paths.DELIVERY, paths.OUT, run=plan.run, system=system)
    store = blocks.mounted_store(
        paths.BLOCK_CACHE, counts=paths.BLOCK_COUNTS, key=plan.block_cache_key
    )
    with (
        contextlib.ExitStack() as after_check,  # closed after `unchanged`
        workshop(plan, system, results=results, store=store) as shop,
    ):
        steps = pipeline(plan, shop)
        system.check_tools(tool for step in steps for tool in step.needs)
        after_check.push(_keeping(steps))
        for position, step in enumerate(steps, start=1):
            if shop.reading.digest.done():
                shop.reading.digest.result()  # fail before longer work if the source cannot be read
            with (
                _held(step.name, plan, on_event),
                system.step(step.name, position=position, total=len(steps)),
                results.room_named(),
            ):
                step.run(system)
    return Built(
        artefacts=results.settled(private_name(plan.iso_name)),
        delivered=results.delivered,
        block_cache=_closed_store(store),
    )


def _keeping(steps: Sequence[Step]) -> contextlib.ExitStack:
    """Return a stack that, when closed, keeps or drops what steps offered to the store."""
    deciding = contextlib.ExitStack()
    for step in steps:
        if isinstance(step, SearchStep | InitramfsStep) and step.kept is not None:
            deciding.push(step.kept.decide)
        if isinstance(step, SearchStep) and step.memory is not None:
            deciding.push(step.memory.kept.decide)
    return deciding


@contextlib.contextmanager
def _held(step: StepName, plan: BuildPlan, on_event: OnEvent) -> Iterator[None]:
    """Wait in a failed step, or after the step to stop at, if the plan asks for it.

    So everything stays mounted for inspection until the container is stopped.
    """
    try:
        yield
    except Interrupted:
        raise
    except Exception as error:
        if plan.hold_failed:
            known = error if isinstance(error, BuilderError) else DefectError.of(error)
            _hold(Held(step=step, error=known.to_data()), on_event)
        raise
    if step is plan.stop_after:
        _hold(Held(step=step, error=None), on_event)


def _hold(event: Held, on_event: OnEvent) -> None:
    on_event(event)
    while True:
        signal.pause()  # termination signals raise `Interrupted`


def _closed_store(store: BlockCache | None) -> BlockCounts | None:
    """Prune the store to its limit, and return its counts; None without a store."""
    if store is None:
        return None
    if not store.read_only:
        with contextlib.suppress(OSError):  # the ISO is finished; the store only saves time
            blocks.prune(store.folder, limit=LIMIT)
    return store.read_counts()
