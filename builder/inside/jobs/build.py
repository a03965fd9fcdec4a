"""The build inside the container: the steps in order, every path named once."""

import contextlib
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Protocol

from builder.basics.codec import to_data
from builder.basics.errors import SourceError, StepError
from builder.border import paths
from builder.border.events import Event
from builder.border.plan import PLAN_FORMAT, BuildPlan
from builder.border.requests import TreePlace
from builder.border.stored_blocks import LIMIT, BlockCounts
from builder.formats.recipe import Recipe
from builder.formats.system_facts import SystemFacts
from builder.inside.blocks import store as block_cache
from builder.inside.blocks.fill_ahead import FillAhead
from builder.inside.blocks.kept_initramfs import KeptInitramfs
from builder.inside.blocks.store import BlockCache
from builder.inside.output.results import Results, results_folder
from builder.inside.output.room import images_beside
from builder.inside.source import mounted as source
from builder.inside.steps.boot import BootStep
from builder.inside.steps.check import CheckStep
from builder.inside.steps.configure import ConfigureStep
from builder.inside.steps.initramfs import InitramfsStep
from builder.inside.steps.iso import IsoStep
from builder.inside.steps.manifest import ManifestStep
from builder.inside.steps.provenance import ProvenanceStep
from builder.inside.steps.sbom import SbomStep
from builder.inside.steps.squashfs import SquashfsStep
from builder.inside.steps.stage import StageStep
from builder.inside.system.real_system import RealSystem
from builder.inside.system.system import System
from builder.inside.tree.excludes import staging_rules, swap_files
from builder.inside.tree.survey import SourceTree
from builder.inside.tree.tree import Tree
from builder.inside.tree.tree_digest import Study, studying

_JOURNAL = paths.WORK / "changes.json"
_GROUPS = paths.WORK / "groups"
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
    tree = _source(plan)
    results = results_folder(paths.DELIVERY, paths.OUT, run=plan.run, system=system)
    with (
        contextlib.ExitStack() as proven,  # left after it is known whether the source stayed
        source.mounted_source(tree, system=system),
        source.unchanged(tree),
        studying(source_tree(plan.recipe)) as study,
        contextlib.ExitStack() as until,
    ):
        if (kept := _kept_initramfs(plan, study)) is not None:
            proven.push(kept.decide)
        steps = pipeline(plan, results, study, until=until)
        for position, step in enumerate(steps, start=1):
            if study.digest.done():
                study.digest.result()  # what cannot be read ends the build before longer work
            with system.step(step.name, position=position, total=len(steps)), results.room_named():
                step.run(system)
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
    plan: BuildPlan, results: Results, study: Study, *, until: contextlib.ExitStack
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
            beside=images_beside(paths.WORK, results.folder),
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
            meanwhile=_fill_ahead(plan, study),
        ),
        SquashfsStep(
            root=paths.ROOT,
            target=paths.ISO_TREE / "live/filesystem.squashfs",
            packages=paths.ISO_TREE / "live/filesystem.packages",
            groups=_GROUPS,
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
        *_descriptions(plan, facts, study, iso),
    )


def _descriptions(plan: BuildPlan, facts: SystemFacts, study: Study, iso: Path) -> tuple[Step, ...]:
    """Return the steps that write the files beside the ISO."""
    sbom = SbomStep(
        root=paths.ROOT,
        iso_tree=paths.ISO_TREE,
        iso=iso,
        facts=facts,
        source_date_epoch=plan.source_date_epoch,
        source=study.digest.result,
    )
    manifest = ManifestStep(
        root=paths.ROOT,
        iso_tree=paths.ISO_TREE,
        partition=_PARTITION,
        iso=iso,
        volume_id=plan.volume_id,
        candidate=plan.candidate,
        recipe=plan.recipe,
        image=plan.image,
        source_date_epoch=plan.source_date_epoch,
        others=sbom.targets,
        changes=_JOURNAL,
        source=study.digest.result,
    )
    return (sbom, manifest, ProvenanceStep(iso=iso, manifest=manifest.target, lock=paths.LOCK))


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


def _fill_ahead(
    plan: BuildPlan, study: Study
) -> Callable[[System], AbstractContextManager[object]]:
    store = _store()
    if store is None:
        return contextlib.nullcontext
    return FillAhead(
        root=paths.ROOT,
        compression=plan.recipe.compression,
        store=store,
        beside=paths.ISO_TREE,
        size=lambda: study.survey.result().size,
    ).running


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


def _source(plan: BuildPlan) -> TreePlace:
    return TreePlace(
        cache_image=plan.cache_image,
        subvolume=str(PurePosixPath("/") / plan.cache_base / plan.candidate.path),
        frozen=plan.frozen,
    )
