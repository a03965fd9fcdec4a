"""What a build leaves behind when its engine is lost, and what the next one makes of that."""

import json
from pathlib import Path

import pytest

from builder.border.events import OnEvent
from builder.border.handover import MARK
from builder.border.jobs import BUILD, FREEZE, THAW
from builder.border.labels import LABEL_BUILD, LABEL_OWNER, LABEL_RUN
from builder.border.step_names import StepName
from builder.host.build.inspection import Inspection
from builder.host.build.mark import mark_in
from builder.host.build.session import build
from builder.host.config.build_config import Config, Overrides, load_config
from builder.host.engine import State
from builder.host.engine.following import LineLostError
from builder.host.engine.owner import ourselves
from builder.host.engine.protocol import HeldError
from builder.host.output.delivery import partial_folder
from tests.support.fake_engine import AnySpec, FakeEngine
from tests.support.rebuilding import rebuilding_engine
from tests.support.reports import candidate
from tests.support.results import ISO


def ignore(_event: object) -> None:
    """An event that nobody waits for."""


def config(output: Path) -> Config:
    return load_config(None, Overrides(cache=output.parent, output=output, no_block_cache=True))


def losing() -> FakeEngine:
    """Return an engine that is lost while it builds."""

    def lost(_spec: AnySpec, _on_event: OnEvent) -> object:
        error = LineLostError("The line is gone")
        error.keeps = True
        raise error

    engine = rebuilding_engine(candidates=(candidate("cache"), candidate("3")))
    engine.answers = {**engine.answers, BUILD.name: lost}
    return engine


def test_a_build_whose_engine_is_lost_leaves_all_that_attaching_needs(tmp_path: Path) -> None:
    output, engine = tmp_path / "iso", losing()
    with pytest.raises(LineLostError, match="The line is gone"):
        build(config(output), engine, on_event=ignore)
    (spec,) = [each for each in engine.specs if each.job.name == BUILD.name]
    mark = mark_in(spec.marks)
    assert mark is not None
    assert f"{mark.iso_name}.iso" == ISO
    assert mark.output == str(output)
    assert json.loads((partial_folder(output, spec.run) / MARK).read_text())["run"] == spec.run
    assert [labels[LABEL_RUN] for labels in engine.volumes.values()] == [spec.run]
    assert FREEZE.name in engine.jobs
    assert THAW.name not in engine.jobs
    assert (output / f"{mark.iso_name}.log").is_file()


@pytest.mark.parametrize("state", [State.WORKS, State.FAILED])
def test_the_next_build_leaves_results_alone_that_may_still_come(
    tmp_path: Path, state: State
) -> None:
    output, engine, run = (
        tmp_path / "iso",
        rebuilding_engine(candidates=(candidate("cache"), candidate("3"))),
        "0" * 16,
    )
    partial = partial_folder(output, run)
    partial.mkdir(parents=True)
    engine.containers["c"] = {LABEL_RUN: run, LABEL_OWNER: str(ourselves()), LABEL_BUILD: "{}"}
    engine.states["c"] = state
    assert build(config(output), engine, on_event=ignore).folder == output
    assert partial.is_dir() is (state is State.WORKS)


def test_a_build_that_waits_to_be_looked_into_is_none_to_attach_to(tmp_path: Path) -> None:
    engine = losing()
    stop = Inspection(stop_after=StepName.STAGE)
    with pytest.raises((LineLostError, HeldError), match="The line is gone"):
        build(config(tmp_path / "iso"), engine, inspection=stop, on_event=ignore)
    with pytest.raises(LineLostError, match="The line is gone"):
        build(config(tmp_path / "other"), engine, stays=False, on_event=ignore)
    assert [each.marks for each in engine.specs if each.job.name == BUILD.name] == [{}, {}]
