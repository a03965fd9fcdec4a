"""The steps of a plan: their order, and what an initramfs is kept by."""

import contextlib
import json
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builder.basics.codec import from_data, to_data
from builder.border import paths
from builder.border.cache_report import Candidate
from builder.border.plan import PLAN_FORMAT, BuildPlan, Staging
from builder.border.source import SourceKind, TreePlace
from builder.border.step_names import StepName
from builder.formats.added_packages import PackagesLock
from builder.formats.identities import ImageIdentity
from builder.formats.recipe import BootSettings, Installer, LiveSettings, Recipe
from builder.formats.snapshot import SnapshotKind
from builder.formats.system_facts import SystemFacts
from builder.host.config.compression_text import PRESETS
from builder.inside.blocks.store import BlockCache
from builder.inside.jobs import pipeline as module
from builder.inside.jobs.pipeline import Workshop, pipeline
from builder.inside.output.results import Results
from builder.inside.steps.initramfs import InitramfsStep
from builder.inside.tree.survey import SourceTree
from builder.inside.tree.tree_digest import SourceReading

SYSTEM = SystemFacts(
    distro_id="debian",
    distro_name="Debian GNU/Linux",
    pretty_name="Debian GNU/Linux 13 (trixie)",
    version="13",
    architecture="amd64",
    desktop="xfce",
    kernels=("6.12",),
)
CANDIDATE = Candidate(
    selector="3",
    kind=SnapshotKind.SNAPPER,
    path="trees/3",
    taken=1_781_706_561,
    description="weekly",
    size="",
    read_only=True,
    subvolume=True,
    uuid="u",
    system=SYSTEM,
)
PLAN = BuildPlan(
    format=PLAN_FORMAT,
    run="0" * 16,
    candidate=CANDIDATE,
    recipe=Recipe(compression=PRESETS["standard"]),
    image=ImageIdentity(id="sha256:" + "0" * 64, locked=True),
    source_date_epoch=1_781_706_560,
    iso_name="Debian-13-xfce",
    volume_id="DEBIAN_13_XFCE",
    place=TreePlace(kind=SourceKind.CACHE, subvolume="", frozen=True),
)


ADDING = replace(
    PLAN,
    packages=PackagesLock(format=1, wishes=("gddrescue",), packages=(), phases=()),
    recipe=replace(PLAN.recipe, installer=Installer.TEXT),
)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    monkeypatch.setattr(paths, "WORK", tmp_path)
    store = BlockCache(folder=tmp_path / "store", counts=tmp_path / "counts")
    reading = SourceReading(tree=SourceTree(root=paths.SOURCE), survey=Future(), digest=Future())
    with contextlib.ExitStack() as mounts:
        yield Workshop(
            results=Results(folder=tmp_path),
            reading=reading,
            words=(),
            store=store,
            mounts=mounts,
        )


def key(plan: BuildPlan, shop: Workshop) -> str:
    """Return what the initramfs of a plan is kept by, besides its source's digest."""
    (step,) = [each for each in pipeline(plan, shop) if isinstance(each, InitramfsStep)]
    assert step.kept is not None
    return json.dumps(list(step.kept.inputs), sort_keys=True)


def test_the_steps_are_those_that_everybody_names_in_that_order(shop: Workshop) -> None:
    assert [step.name for step in pipeline(ADDING, shop)] == list(StepName)
    usual = [name for name in StepName if name not in (StepName.INSTALL, StepName.INSTALLER)]
    assert [step.name for step in pipeline(PLAN, shop)] == usual


def test_every_step_up_to_the_initramfs_but_the_live_layer_is_in_its_key(shop: Workshop) -> None:
    (step,) = [each for each in pipeline(ADDING, shop) if isinstance(each, InitramfsStep)]
    assert step.kept is not None
    _image, *inputs = step.kept.inputs
    steps = list(StepName)
    before = steps[: steps.index(StepName.INITRAMFS) + 1]
    assert [each["step"] for each in inputs] == [name for name in before if name != StepName.LIVE]


def test_no_step_is_written_that_no_build_has(shop: Workshop) -> None:
    written = {
        path.stem for path in Path(module.__file__).parents[1].joinpath("steps").glob("*.py")
    }
    assert written - {"__init__", "step"} == {step.name.value for step in pipeline(ADDING, shop)}


CHANGED: dict[str, Any] = {
    "what is added": {"packages": ADDING.packages},
    "the image": {"image": ImageIdentity(id="sha256:" + "1" * 64, locked=True)},
    "the date": {"source_date_epoch": PLAN.source_date_epoch + 2},
    "the kernels": {"candidate": replace(CANDIDATE, system=replace(SYSTEM, kernels=("6.1",)))},
}


@pytest.mark.parametrize("what", CHANGED)
def test_what_decides_the_tree_decides_the_key(shop: Workshop, what: str) -> None:
    assert key(replace(PLAN, **CHANGED[what]), shop) != key(PLAN, shop)


NEUTRAL: dict[str, Any] = {
    "the run": {"run": "1" * 16},
    "how it is staged": {"staging": Staging.RSYNC},
    "where the tree lies": {"candidate": replace(PLAN.candidate, path="elsewhere", uuid="v")},
    "the live user": {"recipe": replace(PLAN.recipe, live=LiveSettings(user="alice"))},
    "what comes later": {
        "recipe": replace(
            PLAN.recipe, compression=PRESETS["max"], boot=BootSettings(timeout_seconds=9)
        )
    },
    "that it is looked at": {"stop_after": StepName.SQUASHFS, "hold_failed": True},
}


@pytest.mark.parametrize("what", NEUTRAL)
def test_what_decides_nothing_of_the_tree_is_not_in_the_key(shop: Workshop, what: str) -> None:
    assert key(replace(PLAN, **NEUTRAL[what]), shop) == key(PLAN, shop)


def test_a_plan_crosses_the_border_as_it_is() -> None:
    plan = replace(PLAN, stop_after=StepName.CONFIGURE)
    assert from_data(BuildPlan, json.loads(json.dumps(to_data(plan)))) == plan
