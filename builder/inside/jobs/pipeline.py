"""The steps of a build in order, made from its plan; every path and input is named here once."""

import contextlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from builder.basics.codec import to_data
from builder.basics.errors import SourceError
from builder.border import paths
from builder.border.plan import BuildPlan
from builder.formats.added_packages import AddedTo
from builder.formats.recipe import Installer
from builder.formats.system_facts import SystemFacts
from builder.inside.added.install import Installation
from builder.inside.blocks.fill_ahead import FillAhead
from builder.inside.blocks.kept_files import KeptFiles
from builder.inside.blocks.kept_findings import KeptFindings
from builder.inside.blocks.kept_initramfs import KeptInitramfs
from builder.inside.blocks.store import BlockCache
from builder.inside.layers.scratch import Scratch
from builder.inside.medium import identity as medium
from builder.inside.output.results import Results
from builder.inside.output.room import image_share
from builder.inside.search.guard import Guard
from builder.inside.search.memory import FileMemory
from builder.inside.search.words import Words
from builder.inside.steps.boot import BootStep
from builder.inside.steps.check import CheckStep
from builder.inside.steps.configure import ConfigureStep
from builder.inside.steps.initramfs import InitramfsStep
from builder.inside.steps.install import InstallStep
from builder.inside.steps.installer import InstallerStep
from builder.inside.steps.iso import IsoStep
from builder.inside.steps.live import LiveStep
from builder.inside.steps.manifest import ManifestStep
from builder.inside.steps.provenance import ProvenanceStep
from builder.inside.steps.sbom import SbomStep
from builder.inside.steps.search import SearchStep
from builder.inside.steps.squashfs import SquashfsStep
from builder.inside.steps.stage import StageStep
from builder.inside.steps.step import Step, decisions
from builder.inside.system.system import System
from builder.inside.tree.tree_digest import SourceReading

JOURNAL = paths.WORK / "changes.json"
INSTALL_JOURNAL = paths.WORK / "added.json"
_LIVE_JOURNAL = paths.WORK / "live-changes.json"
_FILTERS = paths.WORK / "filters"
_GROUPS = paths.WORK / "groups"
_PARTITION = paths.BOOT_PARTS / "efi.img"
_SUMS = paths.BOOT_PARTS / "sums.json"
_CHAIN = paths.BOOT_PARTS / "chain.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What the steps of one build work with, besides its plan.

    `words` are the source machine's own. `mounts` unmounts at the end what a step mounts for later
    steps.
    """

    results: Results
    reading: SourceReading
    words: Words
    store: BlockCache | None
    mounts: contextlib.ExitStack

    def size(self) -> int:
        """Wait for the survey of the source, and return the bytes of its files."""
        return self.reading.survey.result().size


def pipeline(plan: BuildPlan, shop: Workshop) -> tuple[Step, ...]:
    """Return the steps of a plan, in order."""
    guard = Guard(root=paths.ROOT, words=shop.words, privacy=plan.privacy, record=paths.FINDINGS)
    early = tree_steps(plan, shop)
    search = SearchStep(words=shop.words, guard=guard)
    scratch = _scratch(plan, shop)
    live = LiveStep(
        root=paths.ROOT,
        scratch=scratch,
        layer=paths.LIVE_LAYER,
        target=paths.ISO_TREE / medium.LIVE_SQUASHFS,
        live=plan.recipe.live,
        compression=plan.recipe.compression,
        source_date_epoch=plan.source_date_epoch,
        journal=_LIVE_JOURNAL,
        mounts=shop.mounts,
        added=_added_to_live(plan),
        keep=plan.recipe.keep,
        installer=plan.recipe.installer,
    )
    initramfs = InitramfsStep(
        root=paths.ROOT,
        scratch=scratch,
        target=paths.INITRAMFS,
        stack=paths.STACK,
        kernels=_facts(plan).kernels,
        source_date_epoch=plan.source_date_epoch,
        meanwhile=_fill_ahead(plan, shop),
    )
    # Not of `live`, so that a change of its settings takes no time.
    kept = _kept_initramfs(plan, shop, inputs=decisions((*early, search, initramfs)))
    iso = shop.results.folder / f"{plan.iso_name}.iso"
    return (
        *early,
        replace(
            search,
            kept=_kept_findings(plan, shop, inputs=decisions((*early, search))),
            memory=_file_memory(plan, shop),
        ),
        live,
        replace(initramfs, kept=kept, guard=guard),
        *_installer_steps(plan),
        *_medium_steps(plan, shop, iso),
        *_description_steps(plan, shop, iso),
    )


def tree_steps(plan: BuildPlan, shop: Workshop) -> tuple[Step, ...]:
    """Return the steps up to the configured tree."""
    return (
        CheckStep(
            source=paths.SOURCE,
            work=paths.WORK,
            results=shop.results,
            candidate=plan.candidate,
            survey=shop.reading.survey.result,
        ),
        StageStep(
            tree=shop.reading.tree,
            survey=shop.reading.survey.result,
            target=paths.ROOT,
            layer=paths.LAYER,
            filters=_FILTERS,
            left_out=paths.LEFT_OUT,
            reserve=image_share(paths.WORK, shop.results.folder),
            staging=plan.staging,
            mounts=shop.mounts,
        ),
        *_install_steps(plan, shop),
        ConfigureStep(
            root=paths.ROOT,
            source=paths.SOURCE,
            keep=plan.recipe.keep,
            source_date_epoch=plan.source_date_epoch,
            journal=JOURNAL,
        ),
    )


def _install_steps(plan: BuildPlan, shop: Workshop) -> tuple[Step, ...]:
    if plan.packages is None or plan.packages.layer is not AddedTo.SYSTEM:
        return ()
    step = InstallStep(
        root=paths.ROOT,
        scratch=_scratch(plan, shop),
        store=paths.PACKAGES,
        lock=plan.packages,
        source_date_epoch=plan.source_date_epoch,
        journal=INSTALL_JOURNAL,
    )
    return (step,)


def _installer_steps(plan: BuildPlan) -> tuple[Step, ...]:
    if plan.recipe.installer is Installer.NONE:
        return ()
    step = InstallerStep(
        folder=paths.INSTALLER,
        source=paths.SOURCE,
        target=paths.ISO_TREE / medium.INSTALLER,
        stack=paths.STACK,
        compression=plan.recipe.compression,
        source_date_epoch=plan.source_date_epoch,
    )
    return (step,)


def _added_to_live(plan: BuildPlan) -> Installation | None:
    if plan.packages is None or plan.packages.layer is not AddedTo.LIVE:
        return None
    return Installation(lock=plan.packages, store=paths.PACKAGES)


def _scratch(plan: BuildPlan, shop: Workshop) -> Scratch:
    return Scratch(
        root=paths.ROOT,
        target=paths.SCRATCH,
        layer=paths.SCRATCH_LAYER,
        staging=plan.staging,
        size=shop.size,
    )


def _medium_steps(plan: BuildPlan, shop: Workshop, iso: Path) -> tuple[Step, ...]:
    """Return the steps from the tree to the ISO."""
    facts = _facts(plan)
    return (
        SquashfsStep(
            root=paths.ROOT,
            target=paths.ISO_TREE / medium.SQUASHFS,
            packages=paths.ISO_TREE / medium.PACKAGES,
            groups=_GROUPS,
            compression=plan.recipe.compression,
            block_cache=shop.store,
            size=shop.size,
        ),
        BootStep(
            root=paths.ROOT,
            layer=paths.LIVE_LAYER,
            initramfs=paths.INITRAMFS,
            iso_tree=paths.ISO_TREE,
            parts=paths.BOOT_PARTS,
            partition=_PARTITION,
            sums=_SUMS,
            chain=_CHAIN,
            signed=paths.SIGNED,
            lock=paths.LOCK,
            system=facts,
            recipe=plan.recipe,
            source_date_epoch=plan.source_date_epoch,
        ),
        IsoStep(
            iso_tree=paths.ISO_TREE,
            partition=_PARTITION,
            sums=_SUMS,
            target=iso,
            pretty_name=facts.pretty_name,
            volume_id=plan.volume_id,
            source_date_epoch=plan.source_date_epoch,
        ),
    )


def _description_steps(plan: BuildPlan, shop: Workshop, iso: Path) -> tuple[Step, ...]:
    """Return the steps that write the files next to the ISO."""
    sbom = SbomStep(
        root=paths.ROOT,
        layer=paths.LIVE_LAYER,
        stack=paths.STACK,
        iso_tree=paths.ISO_TREE,
        iso=iso,
        facts=_facts(plan),
        source_date_epoch=plan.source_date_epoch,
        source=shop.reading.digest.result,
    )
    manifest = ManifestStep(
        root=paths.ROOT,
        layer=paths.LIVE_LAYER,
        iso_tree=paths.ISO_TREE,
        partition=_PARTITION,
        chain=_CHAIN,
        iso=iso,
        volume_id=plan.volume_id,
        candidate=plan.candidate,
        recipe=plan.recipe,
        image=plan.image,
        source_date_epoch=plan.source_date_epoch,
        others=sbom.targets,
        changes=(INSTALL_JOURNAL, JOURNAL),
        packages_lock=plan.packages,
        live=_LIVE_JOURNAL,
        stack=paths.STACK,
        records=paths.RECORDS,
        left_out=paths.LEFT_OUT,
        findings=paths.FINDINGS,
        source=shop.reading.digest.result,
    )
    return (sbom, manifest, ProvenanceStep(iso=iso, manifest=manifest.target, lock=paths.LOCK))


def _kept_initramfs(
    plan: BuildPlan, shop: Workshop, *, inputs: list[Mapping[str, Any]]
) -> KeptInitramfs | None:
    if shop.store is None:
        return None
    return KeptInitramfs(
        store=shop.store,
        run=plan.run,
        inputs=(to_data(plan.image), *inputs),
        source=shop.reading.digest.result,
        reserve=shop.size,
    )


def _kept_findings(
    plan: BuildPlan, shop: Workshop, *, inputs: list[Mapping[str, Any]]
) -> KeptFindings | None:
    if shop.store is None:
        return None
    return KeptFindings(
        store=shop.store,
        run=plan.run,
        inputs=(to_data(plan.image), *inputs),
        source=shop.reading.digest.result,
    )


def _file_memory(plan: BuildPlan, shop: Workshop) -> FileMemory | None:
    if shop.store is None:
        return None
    return FileMemory(
        kept=KeptFiles(
            store=shop.store, run=plan.run, inputs=(to_data(plan.image), to_data(shop.words))
        ),
        source=paths.SOURCE,
        records=paths.RECORDS,
        ready=shop.reading.digest.result,
    )


def _fill_ahead(
    plan: BuildPlan, shop: Workshop
) -> Callable[[System], AbstractContextManager[object]]:
    if shop.store is None:
        return contextlib.nullcontext
    return FillAhead(
        root=paths.ROOT,
        compression=plan.recipe.compression,
        store=shop.store,
        results=paths.ISO_TREE,
        size=shop.size,
    ).running


def _facts(plan: BuildPlan) -> SystemFacts:
    if plan.candidate.system is None:
        raise SourceError(
            "{selector} does not contain a system",
            hint="`distroclone-builder snapshots` lists what can be built.",
            selector=plan.candidate.selector,
        )
    return plan.candidate.system
