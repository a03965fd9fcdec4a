"""The build inside the container: the steps of the plan, one after the other."""

import contextlib
import os
import signal
from collections.abc import Iterator, Sequence

from builder.basics.errors import BuilderError, Interrupted, StepError
from builder.border import paths
from builder.border.events import Held, OnEvent
from builder.border.plan import PLAN_FORMAT, BuildPlan
from builder.border.requests import Built
from builder.border.step_names import StepName
from builder.border.stored_blocks import LIMIT, BlockCounts
from builder.inside.blocks import store as blocks
from builder.inside.blocks.store import BlockCache
from builder.inside.jobs.pipeline import Workshop, pipeline
from builder.inside.output.results import results_folder
from builder.inside.source.mounted import mounted_source, unchanged
from builder.inside.steps.initramfs import InitramfsStep
from builder.inside.steps.step import Step
from builder.inside.system.real_system import RealSystem
from builder.inside.tree.source_tree import source_tree
from builder.inside.tree.tree_digest import studying


def build(plan: BuildPlan, *, on_event: OnEvent) -> Built:
    """Carry out the plan; return the artefacts with their sizes and digests, and where they are."""
    if plan.format != PLAN_FORMAT:
        raise StepError(
            "This builder image cannot read plans of format {format}", format=plan.format
        )
    os.umask(0o022)
    system = RealSystem(on_event, source_date_epoch=plan.source_date_epoch)
    for folder in (paths.ISO_TREE, paths.BOOT_PARTS):
        folder.mkdir()
    results = results_folder(paths.DELIVERY, paths.OUT, run=plan.run, system=system)
    store = blocks.mounted_store(paths.BLOCK_CACHE, counts=paths.BLOCK_COUNTS)
    with (
        contextlib.ExitStack() as proven,  # left after it is known whether the source stayed
        mounted_source(plan.place, system=system),
        unchanged(plan.place),
        studying(source_tree(paths.SOURCE, exclude=plan.recipe.exclude)) as study,
        contextlib.ExitStack() as until,
    ):
        shop = Workshop(results=results, study=study, store=store, until=until)
        steps = pipeline(plan, shop)
        system.check_tools(tool for step in steps for tool in step.needs)
        proven.push(_kept(steps))
        for position, step in enumerate(steps, start=1):
            if study.digest.done():
                study.digest.result()  # what cannot be read ends the build before longer work
            with (
                _held(step.name, plan, on_event),
                system.step(step.name, position=position, total=len(steps)),
                results.room_named(),
            ):
                step.run(system)
    return Built(
        artefacts=results.settled(),
        delivered=results.delivered,
        block_cache=_closed(store),
    )


def _kept(steps: Sequence[Step]) -> contextlib.ExitStack:
    """Return what decides, at the end, about the initramfs that this build offered to keep."""
    deciding = contextlib.ExitStack()
    for step in steps:
        if isinstance(step, InitramfsStep) and step.kept is not None:
            deciding.push(step.kept.decide)
    return deciding


@contextlib.contextmanager
def _held(step: StepName, plan: BuildPlan, on_event: OnEvent) -> Iterator[None]:
    """Wait in a step that failed, or after which the build shall stop, if the plan asks for it.

    So all that is mounted stays for whoever looks into the container, until that is stopped.
    """
    try:
        yield
    except Interrupted:
        raise
    except BuilderError as error:
        if plan.hold_failed:
            _hold(Held(step=step, error=error.to_data()), on_event)
        raise
    if step is plan.stop_after:
        _hold(Held(step=step, error=None), on_event)


def _hold(event: Held, on_event: OnEvent) -> None:
    on_event(event)
    while True:
        signal.pause()  # a signal to end becomes `Interrupted`


def _closed(store: BlockCache | None) -> BlockCounts | None:
    """Make the store as small as it shall be, and return how it served; None without one."""
    if store is None:
        return None
    if not store.read_only:
        with contextlib.suppress(OSError):  # the ISO is made; a store is only there to save time
            blocks.prune(store.folder, limit=LIMIT)
    return store.read_counts()
