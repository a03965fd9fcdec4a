"""The build inside the container: the steps in order, every path named once."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, ClassVar, Protocol

from builder.block_cache import LIMIT, BlockCounts
from builder.codec import to_data
from builder.errors import SourceError, StepError
from builder.events import Event
from builder.inside import block_cache, cache_image, paths
from builder.inside.block_cache import BlockCache
from builder.inside.excludes import staging_rules, swap_files
from builder.inside.fingerprint import fingerprint
from builder.inside.kept_initramfs import KeptInitramfs
from builder.inside.real_system import RealSystem
from builder.inside.results import Results, results_folder
from builder.inside.room import images_in
from builder.inside.steps.boot import BootStep
from builder.inside.steps.check import CheckStep
from builder.inside.steps.configure import ConfigureStep
from builder.inside.steps.initramfs import InitramfsStep
from builder.inside.steps.iso import IsoStep
from builder.inside.steps.manifest import ManifestStep
from builder.inside.steps.squashfs import SquashfsStep
from builder.inside.steps.stage import StageStep
from builder.inside.survey import SourceTree
from builder.inside.system import System
from builder.inside.tree import Tree
from builder.inside.tree_digest import Study, studying
from builder.plan import PLAN_FORMAT, BuildPlan, Recipe, SystemFacts

_JOURNAL = paths.WORK / "changes.json"
_PARTITION = paths.BOOT_PARTS / "efi.img"
_SUMS = paths.BOOT_PARTS / "sums.json"


class Step(Protocol):
    """One part of the work: its inputs and outputs are fields."""

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]

    def run(self, system: System) -> None:
        """Do it. Raises one of our errors when it cannot be done."""


def build(plan: BuildPlan, *, emit: Callable[[Event], None]) -> Mapping[str, Any]:
    """Carry out the plan; return the artefacts with their sizes and digests, and where they are."""
    if plan.format != PLAN_FORMAT:
        raise StepError("This image does not know plans of format {format}", format=plan.format)
    os.umask(0o022)
    system = RealSystem(emit, source_date_epoch=plan.source_date_epoch)
    for folder in (paths.ISO_TREE, paths.BOOT_PARTS):
        folder.mkdir()
    results = results_folder(paths.DELIVERY, paths.OUT, run=plan.run, system=system)
    with (
        _source(plan, system),
        _unchanged(plan),
        studying(source_tree(plan.recipe)) as study,
        contextlib.ExitStack() as until,
    ):
        steps = pipeline(plan, study, results, until=until)
        for position, step in enumerate(steps, start=1):
            if study.digest.done():
                study.digest.result()  # what cannot be read ends the build before longer work
            with system.step(step.name, position=position, total=len(steps)), results.room_named():
                step.run(system)
        kept = _kept_initramfs(plan, study)
    if kept is not None:
        kept.keep()
    return {
        "artefacts": to_data(results.settled()),
        "delivered": results.delivered,
        "block_cache": to_data(_closed_store()),
    }


def source_tree(recipe: Recipe) -> SourceTree:
    """Return what of /source is taken: the recipe's own rules are tried before the table."""
    exclude = (*recipe.exclude, *swap_files(Tree(paths.SOURCE)))
    return SourceTree(root=paths.SOURCE, rules=staging_rules(exclude))


def pipeline(
    plan: BuildPlan, study: Study, results: Results, *, until: contextlib.ExitStack
) -> tuple[Step, ...]:
    """Return the steps of a plan, in order; what they mount for each other ends with `until`."""
    facts = _facts(plan)
    epoch = plan.source_date_epoch
    iso = results.folder / f"{plan.iso_name}.iso"
    return (
        CheckStep(
            source=paths.SOURCE,
            work=paths.WORK,
            results=results,
            candidate=plan.candidate,
            survey=study.survey.result,
        ),
        StageStep(
            tree=study.tree,
            survey=study.survey.result,
            target=paths.ROOT,
            layer=paths.LAYER,
            images=images_in(paths.WORK, results.folder),
            staging=plan.staging,
            until=until,
        ),
        ConfigureStep(
            root=paths.ROOT,
            live=plan.recipe.live,
            source_date_epoch=epoch,
            journal=_JOURNAL,
        ),
        InitramfsStep(
            root=paths.ROOT,
            kernels=facts.kernels,
            source_date_epoch=epoch,
            kept=_kept_initramfs(plan, study),
        ),
        SquashfsStep(
            root=paths.ROOT,
            target=paths.ISO_TREE / "live/filesystem.squashfs",
            packages=paths.ISO_TREE / "live/filesystem.packages",
            compression=plan.recipe.compression,
            block_cache=_store(),
            size=lambda: study.survey.result().size,
            source_date_epoch=epoch,
        ),
        BootStep(
            root=paths.ROOT,
            iso_tree=paths.ISO_TREE,
            parts=paths.BOOT_PARTS,
            partition=_PARTITION,
            sums=_SUMS,
            system=facts,
            recipe=plan.recipe,
            source_date_epoch=epoch,
        ),
        IsoStep(
            iso_tree=paths.ISO_TREE,
            partition=_PARTITION,
            sums=_SUMS,
            target=iso,
            pretty_name=facts.pretty_name,
            volume_id=plan.volume_id,
            source_date_epoch=epoch,
        ),
        ManifestStep(
            root=paths.ROOT,
            iso_tree=paths.ISO_TREE,
            partition=_PARTITION,
            iso=iso,
            volume_id=plan.volume_id,
            candidate=plan.candidate,
            recipe=plan.recipe,
            image=plan.image,
            source_date_epoch=epoch,
            changes=_JOURNAL,
            source=study.digest.result,
        ),
    )


def _store() -> BlockCache | None:
    return block_cache.mounted_store(paths.BLOCK_CACHE, counts=paths.BLOCK_COUNTS)


def _kept_initramfs(plan: BuildPlan, study: Study) -> KeptInitramfs | None:
    store = _store()
    if store is None:
        return None
    return KeptInitramfs(
        store=store,
        run=plan.run,
        decisive={
            "image": plan.image.id,
            "kernels": _facts(plan).kernels,
            "live": plan.recipe.live,
            "source_date_epoch": plan.source_date_epoch,
        },
        source=study.digest.result,
        reserve=lambda: study.survey.result().size,
    )


def _closed_store() -> BlockCounts | None:
    """Make the store as small as it shall be, and return how it served; None without one."""
    store = _store()
    if store is None:
        return None
    if not store.read_only:
        with contextlib.suppress(OSError):  # the ISO is made; a store is only there to save time
            block_cache.prune(store.folder, limit=LIMIT)
    return store.read_counts()


def _facts(plan: BuildPlan) -> SystemFacts:
    if plan.candidate.system is None:
        raise SourceError("There is no system in {selector}", selector=plan.candidate.selector)
    return plan.candidate.system


@contextlib.contextmanager
def _source(plan: BuildPlan, system: RealSystem) -> Iterator[None]:
    """Have the chosen tree at /source: bound there already, or mounted from the cache image."""
    if not plan.cache_image:
        yield
        return
    subvolume = PurePosixPath("/") / plan.cache_base / plan.candidate.path
    with cache_image.mounted(
        paths.CACHE_IMAGE, paths.SOURCE, system=system, subvolume=str(subvolume)
    ):
        yield


@contextlib.contextmanager
def _unchanged(plan: BuildPlan) -> Iterator[None]:
    """Raise SourceError when a source that could not be frozen changed during the body."""
    if plan.frozen:
        yield
        return
    before = _state(plan)
    yield
    if _state(plan) != before:
        raise SourceError(
            "The source changed during the build, so the result was thrown away",
            hint="Let a running backup finish, then build again. On btrfs, a cache that is a "
            "subvolume on a writable medium is frozen instead.",
        )


def _state(plan: BuildPlan) -> str:
    if not plan.cache_image:
        return fingerprint(paths.SOURCE)
    facts = paths.CACHE_IMAGE.stat()
    return f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}"
