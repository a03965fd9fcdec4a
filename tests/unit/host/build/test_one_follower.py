"""Of those who would follow a build that goes on alone, or end it, the engine lets one in."""

import os
from pathlib import Path

import pytest

from builder.basics.codec import to_data
from builder.basics.errors import (
    StepError,
    UsageError,
)
from builder.border.events import Event, Note, OnEvent
from builder.border.labels import (
    LABEL_OWNER,
    LABEL_ROLE,
    LABEL_RUN,
    volume_name,
)
from builder.host.build import alone
from builder.host.build.alone import Follower
from builder.host.cli import main
from builder.host.engine.owner import Owner
from builder.host.output.delivery import output_folder
from tests.support.fake_engine import AnySpec
from tests.support.lone_builds import (
    ELSEWHERE,
    ENDED,
    RUN,
    around,
    built,
    contents,
    engine_with,
    is_untouched,
    names,
    said,
    started_here,
)


def test_only_one_takes_the_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    started_here(tmp_path)
    engine = engine_with(tmp_path, StepError("never asked"))
    with output_folder(tmp_path):
        code, events = said(engine, capsys, "builds", "attach")
    text = str(events[-1])
    assert (code, "Another build is writing" in text) == (3, True)
    assert is_untouched(engine)


@pytest.mark.parametrize("second", ["attach", "cancel"])
def test_while_one_is_attached_no_other_attaches_or_ends_the_build(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], second: str
) -> None:
    found: list[tuple[int, str]] = []

    def answer(_spec: AnySpec, _on_event: OnEvent) -> object:
        shown = alone.found_builds(engine)
        assert [(each.follower, each.process) for each in shown] == [(Follower.HERE, os.getpid())]
        code = main.run(["builds", second, RUN], surroundings=around(engine))
        found.append((code, capsys.readouterr().err))
        return built(tmp_path, delivered=True)

    started_here(tmp_path, files=contents(tmp_path))
    engine = engine_with(tmp_path, answer)
    assert said(engine, capsys, "builds", "attach")[0] == 0
    ((code, text),) = found
    assert (code, f"is followed by process {os.getpid()} of this machine" in text) == (2, True)
    assert names(tmp_path) == {*contents(tmp_path), "Debian-13-xfce.log"}
    assert (engine.containers, engine.volumes) == ({}, {})


@pytest.mark.parametrize("second", ["attach", "cancel"])
def test_of_two_that_begin_at_once_the_engine_lets_one_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], second: str
) -> None:
    engine = engine_with(tmp_path, StepError("never asked"))
    seen = engine.leftover_containers()  # by both, before either has begun
    with alone.claimed(engine, alone.the_build(engine, RUN), from_elsewhere=False):
        engine.leftover_containers = lambda: seen  # type: ignore[method-assign]
        code, events = said(engine, capsys, "builds", second)
    text = str(events[-1])
    assert (code, "Another process began to attach" in text) == (2, True)
    assert is_untouched(engine)


@pytest.mark.parametrize(("owner", "words"), [(ENDED, []), (ELSEWHERE, ["--from-elsewhere"])])
def test_who_was_killed_while_attached_is_in_nobody_s_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], owner: Owner, words: list[str]
) -> None:
    started_here(tmp_path, files=contents(tmp_path))
    engine = engine_with(tmp_path, built(tmp_path, delivered=True))
    engine.containers[f"{volume_name(RUN)}-follower"] = {
        LABEL_RUN: RUN, LABEL_ROLE: "follower", LABEL_OWNER: str(owner),
    }  # fmt: skip
    if words:
        code, events = said(engine, capsys, "builds", "attach", RUN)
        assert (code, words[0] in str(events[-1])) == (2, True)
    code, events = said(engine, capsys, "builds", "attach", RUN, *words)
    assert code == 0, events
    assert (engine.containers, engine.volumes) == ({}, {})


def test_a_build_that_another_has_taken_meanwhile_is_gone(tmp_path: Path) -> None:
    engine = engine_with(tmp_path, StepError("never asked"))
    build = alone.the_build(engine, RUN)
    engine.containers["c1"] = {}  # what it is now says nothing of a build
    with (
        pytest.raises(UsageError, match=f"has no build {RUN}"),
        alone.claimed(engine, build, from_elsewhere=False),
    ):
        pytest.fail("there is nothing to work on")
    assert set(engine.containers) == {"c1"}


def test_what_was_said_before_is_heard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    started_here(tmp_path, files=contents(tmp_path))
    note: Event = Note(level="info", message="long ago")

    def answer(_spec: AnySpec, on_event: OnEvent) -> object:
        on_event(note)
        return built(tmp_path, delivered=True)

    code, events = said(engine_with(tmp_path, answer), capsys, "builds", "attach")
    assert code == 0
    assert {"event": "note", **to_data(note)} in events
    assert "long ago" in (tmp_path / "Debian-13-xfce.log").read_text()
