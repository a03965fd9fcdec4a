"""The build inside the container: the steps in order, every path named once."""

import contextlib
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Protocol

from builder.block_cache import LIMIT, BlockCounts
from builder.codec import to_data
from builder.errors import SourceError, StepError
from builder.events import Event
from builder.inside import block_cache, paths, source
from builder.inside.block_cache import BlockCache
from builder.inside.excludes import swap_files
from builder.inside.real_system import RealSystem
from builder.inside.steps.boot import BootStep
from builder.inside.steps.check import CheckStep
from builder.inside.steps.configure import ConfigureStep
from builder.inside.steps.initramfs import InitramfsStep
from builder.inside.steps.iso import IsoStep
from builder.inside.steps.manifest import ManifestStep
from builder.inside.steps.squashfs import SquashfsStep
from builder.inside.steps.stage import StageStep
from builder.inside.system import System
from builder.inside.tree import Tree
from builder.plan import PLAN_FORMAT, BuildPlan, SystemFacts, TreePlace

_JOURNAL = paths.WORK / "changes.json"
_DIGEST = paths.WORK / "source.json"
_PARTITION = paths.BOOT_PARTS / "efi.img"


class Step(Protocol):
    """One part of the work: its inputs and outputs are fields."""

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]

    def run(self, system: System) -> None:
        """Do it. Raises one of our errors when it cannot be done."""


def build(plan: BuildPlan, *, emit: Callable[[Event], None]) -> Mapping[str, Any]:
    """Carry out the plan; return the artefacts in /work/out with their sizes and digests."""
    if plan.format != PLAN_FORMAT:
        raise StepError("This image does not know plans of format {format}", format=plan.format)
    os.umask(0o022)
    system = RealSystem(emit, source_date_epoch=plan.source_date_epoch)
    for folder in (paths.ISO_TREE, paths.BOOT_PARTS, paths.OUT):
        folder.mkdir()
    tree = _source(plan)
    with source.mounted_source(tree, system=system), source.unchanged(tree):
        steps = pipeline(plan)
        for position, step in enumerate(steps, start=1):
            with system.step(step.name, position=position, total=len(steps)):
                step.run(system)
    return {
        "artefacts": [_artefact(path) for path in sorted(paths.OUT.iterdir())],
        "block_cache": to_data(_closed_store()),
    }


def pipeline(plan: BuildPlan) -> tuple[Step, ...]:
    """Return the steps of a plan, in order."""
    facts = _facts(plan)
    epoch = plan.source_date_epoch
    iso = paths.OUT / f"{plan.iso_name}.iso"
    return (
        CheckStep(source=paths.SOURCE, work=paths.WORK, candidate=plan.candidate),
        StageStep(
            source=paths.SOURCE,
            target=paths.ROOT,
            digest=_DIGEST,
            exclude=(*plan.recipe.exclude, *swap_files(Tree(paths.SOURCE))),
        ),
        ConfigureStep(
            root=paths.ROOT,
            live=plan.recipe.live,
            source_date_epoch=epoch,
            journal=_JOURNAL,
        ),
        InitramfsStep(root=paths.ROOT, kernels=facts.kernels, source_date_epoch=epoch),
        SquashfsStep(
            root=paths.ROOT,
            target=paths.ISO_TREE / "live/filesystem.squashfs",
            packages=paths.ISO_TREE / "live/filesystem.packages",
            compression=plan.recipe.compression,
            block_cache=_store(),
            source_date_epoch=epoch,
        ),
        BootStep(
            root=paths.ROOT,
            iso_tree=paths.ISO_TREE,
            parts=paths.BOOT_PARTS,
            partition=_PARTITION,
            system=facts,
            recipe=plan.recipe,
            source_date_epoch=epoch,
        ),
        IsoStep(
            iso_tree=paths.ISO_TREE,
            partition=_PARTITION,
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
            source=_DIGEST,
        ),
    )


def _store() -> BlockCache | None:
    return block_cache.mounted_store(paths.BLOCK_CACHE, counts=paths.BLOCK_COUNTS)


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


def _artefact(path: Path) -> Mapping[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": path.name, "size": path.stat().st_size, "sha256": digest}
