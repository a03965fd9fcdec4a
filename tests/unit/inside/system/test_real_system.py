"""Running tools: output, progress, failures, interruption."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from builder.basics.errors import Interrupted, StepError, error_from_data
from builder.basics.signals import interruptible
from builder.border.events import Event, StepFinished, StepProgress, StepStarted, ToolOutput
from builder.inside.system.real_system import RealSystem
from builder.inside.system.tool_error import ToolError


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def system(events: list[Event]) -> RealSystem:
    return RealSystem(events.append, source_date_epoch=1_750_000_000)


def texts(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, ToolOutput)]


def test_output_is_returned_and_logged_line_by_line(
    system: RealSystem, events: list[Event]
) -> None:
    assert system.run(["printf", "one\\ntwo\\rthree"]) == "one\ntwo\nthree"
    assert texts(events) == ["$ printf 'one\\ntwo\\rthree'", "one", "two", "three"]


def test_the_environment_is_ours_and_nothing_else(system: RealSystem) -> None:
    os.environ["DCB_TEST_LEAK"] = "x"
    try:
        lines = system.run(["env"], env={"EXTRA": "1"}).splitlines()
    finally:
        del os.environ["DCB_TEST_LEAK"]
    names = {line.partition("=")[0] for line in lines}
    assert "DCB_TEST_LEAK" not in names
    assert {"EXTRA=1", "TZ=UTC", "LC_ALL=C.UTF-8", "SOURCE_DATE_EPOCH=1750000000"} <= set(lines)


def test_the_umask_does_not_depend_on_the_caller(system: RealSystem, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        system.run(["touch", "made"], cwd=tmp_path)
    finally:
        os.umask(before)
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o644


def test_standard_input_reaches_the_tool(system: RealSystem) -> None:
    assert system.run(["cat"], stdin=b"hello") == "hello"


def test_a_tool_that_ignores_its_input_does_no_harm(system: RealSystem) -> None:
    assert system.run(["true"], stdin=b"x" * 1_000_000) == ""


def test_progress_lines_become_events_and_stay_out_of_the_log(
    system: RealSystem, events: list[Event]
) -> None:
    with system.step("copy", position=1, total=2):
        system.run(
            ["printf", "10\\r50\\r100\\nend\\n"],
            progress=lambda line: int(line) / 100 if line.isdigit() else None,
        )
    fractions = [event.fraction for event in events if isinstance(event, StepProgress)]
    assert fractions == [0.1, 0.5, 1.0]
    assert "end" in texts(events)
    assert "50" not in texts(events)
    assert isinstance(events[0], StepStarted)
    assert isinstance(events[-1], StepFinished)


def test_a_failure_names_the_command_the_code_and_the_last_lines(system: RealSystem) -> None:
    with pytest.raises(ToolError) as caught:
        system.run(["sh", "-c", "echo before; echo broken >&2; exit 7"])
    assert str(caught.value) == "sh failed with exit code 7"
    assert (caught.value.code, caught.value.signal) == (7, "")
    assert caught.value.output[-1] == "broken"
    assert caught.value.command[0] == "sh"


def test_an_accepted_exit_code_is_no_failure(system: RealSystem) -> None:
    assert system.run(["sh", "-c", "exit 3"], success=(0, 3)) == ""


def test_a_tool_that_a_signal_ended_is_named_so(system: RealSystem) -> None:
    with pytest.raises(ToolError, match="SIGKILL") as caught:
        system.run(["sh", "-c", "kill -9 $$"])
    assert (caught.value.code, caught.value.signal) == (None, "SIGKILL")


def test_a_full_disk_is_named_so(system: RealSystem) -> None:
    with pytest.raises(ToolError, match="the disk is full") as caught:
        system.run(["cp", "/proc/self/status", "/dev/full"])
    assert caught.value.advice
    assert (caught.value.code, caught.value.signal) == (None, "")


def test_a_missing_tool_is_named(system: RealSystem) -> None:
    with pytest.raises(ToolError, match="no-such-tool is not installed") as caught:
        system.run(["no-such-tool"])
    assert (caught.value.code, caught.value.signal) == (None, "")


@pytest.mark.parametrize("script", ["exit 7", "kill -9 $$"])
def test_outside_a_failed_tool_is_a_failed_step(system: RealSystem, script: str) -> None:
    with pytest.raises(ToolError) as caught:
        system.run(["sh", "-c", f"echo last; {script}"])
    data = json.loads(json.dumps(caught.value.to_data()))
    assert data["kind"] == "StepError"
    outside = error_from_data(data)
    assert type(outside) is StepError
    assert str(outside) == str(caught.value)
    assert (outside.advice, outside.exit_code) == (caught.value.advice, 5)
    assert (outside.command, outside.output) == (caught.value.command, ("last",))


def test_a_signal_without_a_name_is_named_by_its_number(system: RealSystem) -> None:
    with pytest.raises(StepError, match="signal 40"):
        system.run(["sh", "-c", "kill -40 $$"])


def test_a_failure_inside_a_tree_names_the_tool_and_not_what_enters_it(
    system: RealSystem, tmp_path: Path
) -> None:
    with pytest.raises(StepError, match=r"^no-such-tool failed") as caught:
        system.run(["no-such-tool"], root=tmp_path)
    assert caught.value.output


def test_a_mount_that_cannot_be_undone_does_not_hide_the_first_error(
    system: RealSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, code in (("mount", 0), ("umount", 32)):
        (tools / name).write_text(f"#!/bin/sh\nexit {code}\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setattr(
        "builder.inside.system.real_system._ENVIRONMENT", {"PATH": os.environ["PATH"]}
    )
    system = RealSystem(lambda _event: None)
    with (
        pytest.raises(StepError, match="first") as caught,
        system.mounted("none", tmp_path, kind="tmpfs"),
    ):
        raise StepError("first")
    assert "umount" in caught.value.__notes__[0]


def test_bytes_that_are_no_utf8_are_kept_readable(system: RealSystem) -> None:
    assert system.run(["printf", "a\\377b"]) == "a\\xffb"


def test_a_step_that_fails_is_never_reported_as_finished(
    system: RealSystem, events: list[Event]
) -> None:
    with (
        pytest.raises(StepError, match="false failed with exit code 1"),
        system.step("copy", position=1, total=1),
    ):
        system.run(["false"])
    assert not any(isinstance(event, StepFinished) for event in events)


def test_a_full_disk_in_our_own_code_is_named_too(system: RealSystem) -> None:
    with (
        pytest.raises(StepError, match="disk is full") as caught,
        system.step("boot", position=1, total=1),
        Path("/dev/full").open("wb", buffering=0) as file,
    ):
        file.write(b"x")
    assert caught.value.advice


def test_an_interruption_ends_the_tool_and_its_children(system: RealSystem, tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {marker}; wait"
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    with pytest.raises(Interrupted), interruptible():
        system.run(["sh", "-c", script])
    child = int(marker.read_text())
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        status = Path(f"/proc/{child}/status")
        if not status.exists() or "State:\tZ" in status.read_text():
            return
        time.sleep(0.05)
    pytest.fail("the tool's child is still running")


_TOLD = "trap 'echo told; exit 3' TERM; echo begun; echo > {}; while :; do sleep 0.01; done"


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 10
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_tool_beside_is_told_to_end_and_how_it_ends_does_not_matter(
    system: RealSystem, events: list[Event], tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    with system.meanwhile(["sh", "-c", _TOLD.format(begun)], env={"EXTRA": "1"}):
        wait_for(begun)
        assert system.run(["echo", "else"]) == "else"
    first, *others = texts(events)
    assert first.startswith("$ sh -c ")
    assert first.endswith(" &")
    assert others == ["$ echo else", "else", "begun", "told"]


def test_a_tool_beside_may_have_ended_long_before(system: RealSystem, events: list[Event]) -> None:
    with system.meanwhile(["false"]):
        system.run(["sleep", "0.2"])
    assert texts(events) == ["$ false &", "$ sleep 0.2"]


def test_a_tool_beside_does_not_outlive_an_interruption(system: RealSystem, tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    script = f"trap '' TERM; echo $$ > {marker}; while :; do sleep 0.01; done"
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    with pytest.raises(Interrupted), interruptible(), system.meanwhile(["sh", "-c", script]):
        time.sleep(10)
    assert not Path(f"/proc/{marker.read_text().strip()}").exists()


def test_a_tool_beside_or_read_from_that_is_missing_is_named(system: RealSystem) -> None:
    with (
        pytest.raises(StepError, match="no-such-tool is not installed"),
        system.meanwhile(["no-such-tool"]),
    ):
        pass
    with (
        pytest.raises(StepError, match="no-such-tool is not installed"),
        system.reading(["no-such-tool"]),
    ):
        pass


def test_what_the_reader_does_not_find_is_not_the_tool(system: RealSystem, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="gone"), system.reading(["true"]):
        (tmp_path / "gone").read_bytes()
