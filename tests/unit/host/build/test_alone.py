"""A build that nobody follows any more: found, its results taken, or ended; and what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from builder.basics.errors import (
    BuilderError,
    Interrupted,
    StepError,
    VerificationError,
)
from builder.border import paths
from builder.border.events import OnEvent
from builder.border.handover import MARK
from builder.border.jobs import LIST_FROZEN, THAW
from builder.border.labels import (
    LABEL_BUILD,
    LABEL_RUN,
    frozen_name,
)
from builder.host.build.mark import mark_in
from builder.host.cli import main
from builder.host.command_line.surroundings import Surroundings
from builder.host.engine import State
from builder.host.engine.following import LineLostError
from builder.host.engine.owner import Owner, ourselves
from tests.support.fake_engine import AnySpec, FakeEngine
from tests.support.fake_images import packed
from tests.support.lone_builds import (
    ELSEWHERE,
    ENDED,
    OTHER,
    RUN,
    around,
    built,
    contents,
    engine_with,
    is_untouched,
    mark,
    names,
    said,
    started_here,
)


def test_builds_are_listed_with_what_they_do_and_who_follows_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = engine_with(tmp_path, StepError("never asked"))
    code, events = said(engine, capsys, "builds", "list")
    assert (code, events[-1]["data"]) == (0, {"builds": [{
        "run": RUN, "iso": "Debian-13-xfce.iso", "begun": 1_790_000_000, "state": "works",
        "follower": "nobody", "output": str(tmp_path),
    }]})  # fmt: skip
    for owner, state, words in (
        (ourselves(), State.WORKS, f"process {ourselves().process} of this machine"),
        (ELSEWHERE, State.SUCCEEDED, "its results wait"),
        (ENDED, State.FAILED, "failed"),
        (ENDED, State.WAITS, "never started"),
    ):
        there = tmp_path / "\x1b[31m"
        found = engine_with(there, StepError("never asked"), owner=owner, state=state)
        assert main.run(["builds", "list"], surroundings=around(found)) == 0
        out = capsys.readouterr().out
        assert words in out
        assert "\x1b" not in out


def test_an_engine_without_builds_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    surroundings = Surroundings(open_engine=FakeEngine)
    assert main.run(["builds", "list"], surroundings=surroundings) == 0
    assert capsys.readouterr().out == "No build is in this engine.\n"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"iso_name": "x"}', "[" * 5000])
def test_a_label_that_is_none_of_ours_is_no_build(text: str) -> None:
    assert mark_in({LABEL_BUILD: text}) is None
    assert mark_in({}) is None


def test_a_label_cannot_choose_a_path(tmp_path: Path) -> None:
    assert mark_in(mark(tmp_path).labels) == mark(tmp_path)
    for name in ("../x", "/etc/x", ".x", "a/b", ""):
        assert mark_in(mark(tmp_path, name).labels) is None


@pytest.mark.parametrize("begun", [-1, 253_402_300_800, 10**17, 10**400])
def test_what_a_label_calls_a_time_is_one_or_the_label_is_not_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], begun: int
) -> None:
    engine = engine_with(tmp_path, StepError("never asked"))
    engine.containers["c1"] = {
        **engine.containers["c1"], **replace(mark(tmp_path), begun=begun).labels,
    }  # fmt: skip
    assert main.run(["builds", "list"], surroundings=around(engine)) == 0
    assert "not readable by this version" in capsys.readouterr().out


def test_a_build_whose_label_this_version_cannot_read_can_be_ended_but_not_attached_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = engine_with(tmp_path, StepError("never asked"))
    engine.containers["c1"] = {**engine.containers["c1"], LABEL_BUILD: '{"format": 2}'}
    code, events = said(engine, capsys, "builds", "list")
    assert (code, events[-1]["data"]) == (0, {"builds": [{
        "run": RUN, "iso": None, "begun": None, "state": "works", "follower": "nobody",
        "output": None,
    }]})  # fmt: skip
    code, events = said(engine, capsys, "builds", "attach", "--output", tmp_path)
    text = str(events[-1])
    assert (code, "this version cannot read" in text, "builds cancel" in text) == (2, True, True)
    assert is_untouched(engine)
    assert said(engine, capsys, "builds", "cancel")[0] == 0
    assert (engine.containers, engine.volumes) == ({}, {})


@pytest.mark.parametrize("output", ["/" + "x" * 5000, "/dev/null/x", "/a\0b", "", "\ud800"])
def test_an_output_folder_that_cannot_be_looked_into_is_not_here(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], output: str
) -> None:
    engine = engine_with(tmp_path, StepError("never asked"))
    hostile = replace(mark(tmp_path), output=output)
    engine.containers["c1"] = {**engine.containers["c1"], **hostile.labels}
    code, events = said(engine, capsys, "builds", "attach")
    assert (code, "is not here" in str(events[-1])) == (2, True)
    assert is_untouched(engine)
    assert said(engine, capsys, "builds", "cancel")[0] == 0
    assert engine.containers == {}


def test_results_that_the_container_put_into_the_folder_are_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "iso"
    started_here(output, files=contents(output))
    engine = engine_with(output, built(output, delivered=True), cache="/srv/cache")
    code, events = said(engine, capsys, "builds", "attach")
    assert code == 0, events
    assert events[-1]["data"]["folder"] == str(output)  # type: ignore[index]
    assert names(output) == {*contents(output), "Debian-13-xfce.log"}
    assert engine.jobs == [THAW.name]
    assert engine.asked(THAW)[0].names == (frozen_name(RUN),)
    assert (engine.containers, engine.volumes) == ({}, {})


@pytest.mark.parametrize("delivered", [False, True])
def test_results_are_fetched_where_their_folder_is_not_here(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, delivered: bool
) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    asked: list[Path] = []

    def fetched(_spec: AnySpec, path: Path) -> bytes:
        asked.append(path)
        return packed({f"x/{name}": data for name, data in contents(there).items()} | {
            f"x/{MARK}": b"{}"
        })  # fmt: skip

    result = built(there, delivered=delivered)
    engine = engine_with(there, result, owner=ELSEWHERE, fetched=fetched)
    code, events = said(engine, capsys, "builds", "attach", RUN[:4], "--from-elsewhere")
    text = str(events[-1])
    assert (code, "The output folder that the build" in text, "--output" in text) == (2, True, True)
    code, events = said(
        engine, capsys, "builds", "attach", RUN[:4], "--from-elsewhere", "--output", here
    )
    assert code == 0, events
    assert asked == [paths.DELIVERY if delivered else paths.OUT]
    assert names(here) == {*contents(there), "Debian-13-xfce.log"}
    assert not there.exists()
    assert (engine.containers, engine.volumes) == ({}, {})


@pytest.mark.parametrize("command", ["attach", "cancel"])
@pytest.mark.parametrize(
    ("owner", "words"),
    [(ourselves(), "is followed by process"), (ELSEWHERE, "may still be followed")],
)
def test_a_build_that_others_may_follow_is_left_to_them(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    owner: Owner,
    words: str,
) -> None:
    engine = engine_with(tmp_path, StepError("never asked"), owner=owner)
    code, events = said(engine, capsys, "builds", command, RUN)
    text = str(events[-1])
    assert (code, words in text) == (2, True)
    assert is_untouched(engine)


@pytest.mark.parametrize("command", ["attach", "cancel"])
def test_a_build_is_named_by_the_beginning_of_its_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    engine = engine_with(tmp_path, StepError("never asked"))
    code, events = said(engine, capsys, "builds", command, "ffff")
    text = str(events[-1])
    assert (code, "no build ffff" in text) == (2, True)
    engine.containers["c2"] = dict(engine.containers["c1"]) | {LABEL_RUN: OTHER}
    code, events = said(engine, capsys, "builds", command)
    text = str(events[-1]["error"])
    assert (code, RUN in text, OTHER in text, "Several builds fit" in text) == (2, True, True, True)
    engine.containers = {}
    code, events = said(engine, capsys, "builds", command)
    text = str(events[-1])
    assert (code, "No build goes on alone" in text) == (2, True)


def test_a_build_that_failed_says_why_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    partial = started_here(tmp_path)
    engine = engine_with(tmp_path, StepError("no kernel"), state=State.FAILED)
    code, events = said(engine, capsys, "builds", "attach")
    text = str(events[-1])
    assert (code, "no kernel" in text) == (5, True)
    assert (engine.containers, engine.volumes, partial.exists()) == ({}, {}, False)


@pytest.mark.parametrize(
    "error",
    [Interrupted("Interrupted by {signal}", signal="SIGINT"), LineLostError("The line is gone")],
    ids=["Ctrl-C", "line"],
)
def test_who_stops_following_loses_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], error: BuilderError
) -> None:
    def stop(_spec: AnySpec, _on_event: OnEvent) -> object:
        raise error

    partial = started_here(tmp_path)
    engine = engine_with(tmp_path, stop)
    code, _events = said(engine, capsys, "builds", "attach")
    assert code == error.exit_code
    assert is_untouched(engine)
    assert (partial / MARK).is_file()
    if isinstance(error, Interrupted):
        assert f"builds attach {RUN}" in "".join(error.__notes__)


def test_results_that_are_not_those_that_were_built_are_not_delivered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "iso"
    changed = contents(output) | {"Debian-13-xfce.iso": b"c0ntent of Debian-13-xfce.iso"}
    started_here(output, files=changed)
    engine = engine_with(output, built(output, delivered=True))
    code, events = said(engine, capsys, "builds", "attach")
    text = str(events[-1])
    assert code == VerificationError.exit_code
    assert "is not what the container built" in text
    assert not any(name.endswith(".iso") for name in names(output))
    assert is_untouched(engine)


def test_a_build_that_never_started_is_not_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    started_here(tmp_path)
    engine = engine_with(tmp_path, built(tmp_path, delivered=True), state=State.WAITS)
    code, events = said(engine, capsys, "builds", "attach")
    text = str(events[-1]["error"])
    assert (code, "was never started" in text, f"builds cancel {RUN}" in text) == (2, True, True)
    assert is_untouched(engine)


def test_a_cancelled_build_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    partial = started_here(tmp_path)
    engine = engine_with(tmp_path, StepError("never asked"), cache="/srv/cache")
    code, events = said(engine, capsys, "builds", "cancel", RUN)
    assert (code, events[-1]["data"]) == (0, {"run": RUN})
    assert (engine.containers, engine.volumes, partial.exists()) == ({}, {}, False)
    assert engine.jobs == [THAW.name]


@pytest.mark.parametrize("state", [State.WORKS, State.SUCCEEDED])
def test_sweep_leaves_a_build_that_goes_on_alone_and_its_frozen_snapshot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], state: State
) -> None:
    partial = started_here(tmp_path)
    engine = engine_with(tmp_path, StepError("never asked"), state=state, cache="/srv/cache")
    code, events = said(engine, capsys, "sweep", "--cache", "/srv/cache")
    assert code == 0
    assert events[-1]["data"]["builds"] == [RUN]  # type: ignore[index]
    assert engine.jobs == [LIST_FROZEN.name]
    assert is_untouched(engine)
    assert partial.is_dir()


@pytest.mark.parametrize("state", [State.FAILED, State.WAITS])
def test_sweep_takes_a_build_that_has_nothing_to_give(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], state: State
) -> None:
    partial = started_here(tmp_path)
    engine = engine_with(tmp_path, StepError("never asked"), state=state, cache="/srv/cache")
    code, events = said(engine, capsys, "sweep")
    assert (code, events[-1]["data"]["builds"]) == (0, [])  # type: ignore[index]
    assert engine.jobs == [LIST_FROZEN.name, THAW.name]
    assert (engine.containers, engine.volumes, partial.exists()) == ({}, {}, False)
