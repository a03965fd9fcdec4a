"""What people, programs and the log are shown of the events, friendly and hostile ones."""

import io
import json
import math
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from rich.console import Console

from builder.basics.errors import ExitCode, HostError, StepError, error_from_data
from builder.border.events import (
    Event,
    Failed,
    Note,
    Result,
    StepFinished,
    StepProgress,
    StepStarted,
    ToolOutput,
    decode,
)
from builder.border.step_names import StepName
from builder.host.display import (
    Display,
    JsonDisplay,
    LogFile,
    PlainDisplay,
    TerminalDisplay,
    choose_display,
    step_title,
)

BUILDER = Path(__file__).parents[4] / "builder"
FAILURE = StepError(
    "{tool} stopped with code {code}",
    hint="Free some space on {place}.",
    command=["mksquashfs", "/work/root", "a b"],
    output=["FATAL ERROR: write failed"],
    tool="mksquashfs",
    code=1,
    place="/var",
)
A_BUILD: tuple[Event, ...] = (
    StepStarted(step="squashfs", position=3, total=8),
    ToolOutput(step="squashfs", text="$ mksquashfs /work/root"),
    *(StepProgress(step="squashfs", fraction=number / 100) for number in range(101)),
    Note(level="warning", message="The cache is newer by {days} days", values={"days": "2"}),
    StepFinished(step="squashfs", seconds=12.34),
    Result(data={"iso": "Debian.iso"}),
)
HOSTILE = "\x1b[31mred\x1b[0m \x1b]0;title\x07 [bold]b[/] {x} \x07\x08\u202e\udc80 \r\x9b2J é"
HOSTILE_EVENTS: tuple[Event, ...] = (
    StepStarted(step=HOSTILE, position=1, total=1),
    StepProgress(step=HOSTILE, fraction=math.nan),
    StepProgress(step=HOSTILE, fraction=-math.inf),
    StepProgress(step=HOSTILE, fraction=1e300),
    StepProgress(step="never-started", fraction=0.5),
    ToolOutput(step=HOSTILE, text=HOSTILE + "\nsecond"),
    Note(level="info", message=HOSTILE),
    Note(level="warning", message="{missing} {0} {", values={"other": "x"}),
    Note(level="warning", message="{x}", values={"x": HOSTILE}),
    StepFinished(step=HOSTILE, seconds=math.inf),
    StepFinished(step="never-started", seconds=1.0),
    Failed(error={"kind": "Other", "message": "{a}{", "values": {"b": HOSTILE}}),
)
CONTROLS = {chr(code) for code in (*range(32), *range(127, 160))} - {"\n"} | {"\u202e"}


def shown_plainly(events: Iterable[Event]) -> str:
    stream = io.StringIO()
    with PlainDisplay(stream) as display:
        for event in events:
            display.event(event)
    return stream.getvalue()


def shown_on_terminal(events: Iterable[Event]) -> str:
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    with TerminalDisplay(console) as display:
        for event in events:
            display.event(event)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def shown_as_json(events: Iterable[Event]) -> list[str]:
    stream = io.StringIO()
    with JsonDisplay(stream) as display:
        for event in events:
            display.event(event)
    return stream.getvalue().splitlines()


def logged(folder: Path, events: Iterable[Event]) -> list[str]:
    with LogFile(folder / "build.log") as display:
        for event in events:
            display.event(event)
    return (folder / "build.log").read_text(encoding="utf-8").splitlines()


def final_lines(screen: str) -> list[str]:
    """Return what is left on a terminal: cursor-up and erase-line applied."""
    rows: list[str] = [""]
    row = 0
    for part in re.split(r"(\x1b\[[0-9;?]*[A-Za-z]|\r|\n)", screen):
        if part == "\n":
            row += 1
            rows += [""] * (row + 1 - len(rows))
        elif part.endswith("A") and part.startswith("\x1b["):
            row -= int(part[2:-1] or 1)
        elif part.endswith("K") and part.startswith("\x1b["):
            rows[row] = ""
        elif part and part != "\r" and not part.startswith("\x1b"):
            rows[row] += part
    return [line.rstrip() for line in rows if line.strip()]


def test_plain_lines_tell_start_tenths_and_end() -> None:
    assert shown_plainly(A_BUILD).splitlines() == [
        "[3/8] squashfs: Compress the file system …",
        *(f"[3/8] squashfs {tenth} %" for tenth in range(10, 101, 10)),
        "Warning: The cache is newer by 2 days",
        "[3/8] squashfs done in 12.3 s",
    ]


def test_plain_progress_that_goes_back_prints_nothing_twice() -> None:
    fractions = (0.35, 0.1, 0.35, 0.4)
    shown = shown_plainly(StepProgress(step="iso", fraction=number) for number in fractions)
    assert shown.splitlines() == ["iso 30 %", "iso 40 %"]


def test_a_step_that_runs_again_shows_its_progress_again() -> None:
    events: list[Event] = [
        StepStarted(step="iso", position=1, total=1),
        StepProgress(step="iso", fraction=0.5),
    ]
    assert shown_plainly(events + events).count("50 %") == 2


def test_long_durations_are_in_minutes() -> None:
    assert "done in 4 min 05 s" in shown_plainly([StepFinished(step="iso", seconds=245.9)])


def test_a_terminal_shows_one_bar_with_percent_for_each_running_step() -> None:
    screen = shown_on_terminal(
        [
            StepStarted(step="stage", position=1, total=2),
            StepProgress(step="stage", fraction=0.42),
            StepStarted(step="iso", position=2, total=2),
        ]
    )
    assert re.search(r"1/2 Stage the system .* 42% \d:\d\d:\d\d", screen)
    assert re.search(r"2/2 Write the ISO .* \d:\d\d:\d\d", screen)


def test_a_finished_step_stays_as_a_line_and_its_bar_goes() -> None:
    lines = final_lines(shown_on_terminal(A_BUILD))
    assert lines == [
        "Warning: The cache is newer by 2 days",
        "✔ Compress the file system  12.3 s",
    ]


def test_the_bar_of_a_finished_step_is_not_drawn_again() -> None:
    assert "3/8" not in shown_on_terminal(A_BUILD).partition("✔")[2]


def test_a_step_that_did_not_finish_is_named_when_the_terminal_closes() -> None:
    lines = final_lines(shown_on_terminal([StepStarted(step="iso", position=1, total=1)]))
    assert lines == ["✘ Write the ISO  not finished"]


def test_a_terminal_shows_brackets_of_a_note_as_they_are() -> None:
    screen = shown_on_terminal([Note(level="info", message="[red]not red[/red] [link=x]")])
    assert final_lines(screen) == ["[red]not red[/red] [link=x]"]


def test_the_cursor_is_back_when_a_terminal_display_ends() -> None:
    screen = shown_on_terminal([StepStarted(step="iso", position=1, total=1)])
    assert screen.rindex("\x1b[?25h") > screen.rindex("\x1b[?25l")


def test_json_has_one_event_a_line_without_the_tools_output() -> None:
    events = [decode(line) for line in shown_as_json(A_BUILD)]
    assert events[0] == A_BUILD[0]
    assert events[-1] == A_BUILD[-1]
    assert Note(level="warning", message="The cache is newer by 2 days") in events
    assert len(events) == len(A_BUILD) - 1


def test_json_tells_an_error_in_full_with_its_exit_code() -> None:
    (line,) = shown_as_json([Failed(error=FAILURE.to_data())])
    error = json.loads(line)["error"]
    assert error["message"] == "mksquashfs stopped with code 1"
    assert error["hint"] == "Free some space on /var."
    assert error["command"] == ["mksquashfs", "/work/root", "a b"]
    assert error["output"] == ["FATAL ERROR: write failed"]
    assert error["exit_code"] == ExitCode.STEP
    assert str(error_from_data(error)) == "mksquashfs stopped with code 1"


def test_json_is_utf_8_and_valid_whatever_the_stream_was() -> None:
    content = io.BytesIO()
    stream = io.TextIOWrapper(content, encoding="ascii")
    with JsonDisplay(stream) as display:
        display.event(Result(data={"name": "é漢\udc80"}))
    assert json.loads(content.getvalue().decode("utf-8"))["data"] == {"name": "é漢\udc80"}


def test_the_log_holds_every_event_with_its_time_in_utc(tmp_path: Path) -> None:
    lines = logged(tmp_path, (*A_BUILD, Failed(error=FAILURE.to_data())))
    stamp = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ?")
    assert all(stamp.match(line) for line in lines)
    texts = [stamp.sub("", line, count=1) for line in lines]
    assert texts[:2] == [
        "[3/8] squashfs: Compress the file system",
        "squashfs | $ mksquashfs /work/root",
    ]
    assert "squashfs 42 %" in texts
    assert "warning: The cache is newer by 2 days" in texts
    assert "squashfs done in 12.3 s" in texts
    assert 'result: {"iso": "Debian.iso"}' in texts
    assert "Error: mksquashfs stopped with code 1" in texts
    assert "  | FATAL ERROR: write failed" in texts


def test_the_log_is_on_the_disk_before_it_is_closed(tmp_path: Path) -> None:
    with LogFile(tmp_path / "build.log") as log:
        log.event(ToolOutput(step="iso", text="xorriso 1.5.6"))
        assert "iso | xorriso 1.5.6" in log.path.read_text()


def test_the_log_can_be_read_by_nobody_else(tmp_path: Path) -> None:
    (tmp_path / "old.log").touch(0o644)  # as earlier versions wrote it
    before = os.umask(0)
    try:
        for name in ("build.log", "old.log"):
            with LogFile(tmp_path / name) as log:
                assert log.path.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


def test_a_log_that_cannot_be_made_is_an_error_of_the_host(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="No such file") as caught:
        LogFile(tmp_path / "missing" / "build.log")
    assert "output folder" in caught.value.advice


def test_a_log_does_not_follow_a_planted_link(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("keep")
    (tmp_path / "build.log").symlink_to(tmp_path / "precious")
    with pytest.raises(HostError, match="not a regular file"):
        LogFile(tmp_path / "build.log")
    assert (tmp_path / "precious").read_text() == "keep"


def fill_disk_below(log: LogFile) -> None:
    """Let a log write to a full disk from now on."""
    full = os.open("/dev/full", os.O_WRONLY)
    for each in Path("/proc/self/fd").iterdir():
        if each.is_symlink() and each.resolve() == log.path.resolve():
            os.dup2(full, int(each.name))
    os.close(full)


def test_a_full_disk_under_the_log_is_an_error_of_the_host(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "build.log")
    fill_disk_below(log)
    with pytest.raises(HostError, match="No space left"), log:
        log.event(ToolOutput(step="iso", text="x"))


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir], ids=["pipe", "folder"])
def test_a_log_does_not_wait_for_what_is_no_file(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "build.log")
    with pytest.raises(HostError, match="not a regular file"):
        LogFile(tmp_path / "build.log")


def test_a_log_that_cannot_be_closed_does_not_hide_what_failed_before() -> None:
    with pytest.raises(StepError, match="rsync failed"), Unclosable():
        raise StepError("rsync failed")


class Unclosable(Display):
    """Fails on closing."""

    def event(self, event: Event) -> None:
        """Events are of no interest here."""

    def close(self) -> None:
        raise HostError("disk full")


def test_hostile_events_leave_plain_lines_clean() -> None:
    text = shown_plainly(HOSTILE_EVENTS)
    assert not CONTROLS & set(text)
    assert "red  [bold]b[/] {x}" in text
    assert "Warning: {missing} {0} {" in text


def test_hostile_events_do_not_move_the_cursor_of_a_terminal() -> None:
    screen = shown_on_terminal(HOSTILE_EVENTS)
    own_sequences = re.compile(r"\x1b\[(\?25[lh]|[0-9]*A|2K|[0-9;]*m)|\r")
    assert not CONTROLS & set(own_sequences.sub("", screen))
    assert any("red  [bold]b[/] {x}" in line for line in final_lines(screen))


def test_hostile_events_leave_the_log_clean_and_every_line_stamped(tmp_path: Path) -> None:
    lines = logged(tmp_path, HOSTILE_EVENTS)
    assert not CONTROLS & set("\n".join(lines))
    assert all(line.startswith("20") for line in lines)


def test_hostile_events_are_valid_json_lines() -> None:
    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is no JSON")

    for line in shown_as_json(event for event in HOSTILE_EVENTS[:-3]):
        json.loads(line, parse_constant=refuse)


class Screen(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "stream", "kind"),
    [
        ({}, Screen(), TerminalDisplay),
        ({"CI": "false"}, Screen(), TerminalDisplay),
        ({"CI": "true"}, Screen(), PlainDisplay),
        ({"TERM": "dumb"}, Screen(), PlainDisplay),
        ({}, io.StringIO(), PlainDisplay),
    ],
)
def test_bars_are_for_terminals_outside_ci(
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    stream: io.StringIO,
    kind: type[Display],
) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with choose_display(json=False, stream=stream) as display:
        assert type(display) is kind


def test_json_wins_over_a_terminal() -> None:
    with choose_display(json=True, stream=Screen()) as display:
        assert type(display) is JsonDisplay


def test_people_are_told_on_standard_error_and_programs_on_standard_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    choose_display(json=False).event(Note(level="info", message="for people"))
    choose_display(json=True).event(Note(level="info", message="for programs"))
    captured = capsys.readouterr()
    assert captured.err == "for people\n"
    assert "for programs" in captured.out


def test_every_step_has_a_title() -> None:
    named = {str(step) for step in StepName}
    for path in BUILDER.rglob("*.py"):
        named |= {*re.findall(r'(?:step\(\s*|Step\w+\(step=)"([a-z-]+)"', path.read_text("utf-8"))}
    assert named > {*StepName}
    assert [step for step in sorted(named) if step_title(step) == step] == []


def test_an_unknown_step_is_called_by_its_name() -> None:
    assert step_title("squashfs") == "Compress the file system"
    assert step_title("new\x1b[1mstep") == "newstep"
