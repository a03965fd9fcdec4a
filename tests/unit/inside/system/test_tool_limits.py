"""Whatever a tool does, it ends within its limits, and the error says which one and what to do."""

import os
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest

from builder.inside.system import real_system, tool_limits
from builder.inside.system.real_system import RealSystem
from builder.inside.system.tool_error import ToolError
from builder.inside.system.tool_limits import ToolLimits

SMALL = ToolLimits(quiet=1, seconds=3, lines=1000, size=1 << 20)


def ended(script: str, *, limits: ToolLimits = SMALL) -> ToolError:
    system = RealSystem(lambda _event: None, own_limits=limits)
    with pytest.raises(ToolError) as caught:
        system.run(["sh", "-c", script])
    assert caught.value.advice
    return caught.value


def test_one_that_prints_nothing_is_ended() -> None:
    assert "printed nothing for 0.0166667 minutes" in str(ended("echo before; sleep 30"))


def test_one_that_never_ends_is_ended() -> None:
    error = ended("while sleep 0.3; do echo still; done")
    assert "did not finish within" in str(error)
    assert error.output[-1] == "still"


@pytest.mark.parametrize(
    "script",
    [
        "yes",  # too many lines
        "yes '' | cat",  # without anything in them
        "cat /dev/zero",  # one line without an end
        "yes | tr '\\n' '\\r'",
    ],
)
def test_one_that_prints_without_end_is_ended(script: str) -> None:
    began = time.monotonic()
    assert "printed more than 1000 lines or 1 MiB" in str(ended(script))
    assert time.monotonic() - began < 10


# Prints the error, and the most memory that the program had at any time, in KiB.
FLOODED = """
import re, sys
from builder.inside.system.real_system import RealSystem
from builder.inside.system.tool_error import ToolError
system = RealSystem(lambda event: None)
argv = ["sh", "-c", sys.argv[2]]
try:
    if sys.argv[1] == "run":
        system.run(argv)
    else:
        with system.reading(argv) as stream:
            stream.read()
except ToolError as error:
    peak = re.search("VmHWM:\\s+([0-9]+)", open("/proc/self/status").read())[1]
    print(error, *error.output[-1:], peak, sep="\\n")
"""


def flooded(how: str, script: str) -> tuple[str, str]:
    """Return the error and the last line of a tool that prints much; little memory is used."""
    argv = [sys.executable, "-c", FLOODED, how, script]
    run = subprocess.run(argv, capture_output=True, text=True, check=True)
    message, last, peak = run.stdout.splitlines()
    assert int(peak) < 128 << 10
    return message, last


def test_60_mb_of_output_cost_little_memory() -> None:
    words = "0123456789012345678901234567890123456789"
    message, last = flooded("run", f"yes {words} | head -c 60000000")
    assert "printed more than 500000 lines" in message
    assert last == words


def test_what_is_printed_aside_costs_little_memory_too() -> None:
    flood = "yes 01234567 | head -c 270000000 >&2"
    message, last = flooded("read", f"{flood}; echo last >&2; exit 3")
    assert message == "sh failed with exit code 3"
    assert last == "last"


def test_progress_does_not_count() -> None:
    system = RealSystem(lambda _event: None, own_limits=SMALL)
    script = "i=0; while [ $i -lt 5000 ]; do echo 50; i=$((i+1)); done; echo end"
    assert system.run(
        ["sh", "-c", script], progress=lambda line: 0.5 if line == "50" else None
    ) == ("end")


def test_whoever_holds_its_output_open_is_not_waited_for(tmp_path: Path) -> None:
    system = RealSystem(lambda _event: None)
    script = f"(sleep 20; echo late >{tmp_path}/late) & echo done"
    began = time.monotonic()
    assert system.run(["sh", "-c", script]) == "done"
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("free", "files", "told"),
    [
        ([1 << 30, 1 << 30, *[200 << 20] * 9], [0] * 11, {"free": 200}),
        ([1 << 30] * 11, [9000, 9000, *[4000] * 9], {"count": 4000}),
    ],
)
def test_one_that_fills_the_disk_is_ended(
    monkeypatch: pytest.MonkeyPatch, free: list[int], files: list[int], told: dict[str, int]
) -> None:
    spaces = (
        types.SimpleNamespace(f_bavail=each, f_frsize=1, f_favail=count)
        for each, count in zip(free, files, strict=True)
    )
    monkeypatch.setattr(os, "statvfs", lambda _path: next(spaces))
    monkeypatch.setattr(tool_limits, "_TICK", 0.05)
    watch = tool_limits.Watch(limits=ToolLimits(), disk=Path("/"))
    with subprocess.Popen(["sleep", "20"], stdout=subprocess.PIPE) as process:
        with pytest.raises(tool_limits.BeyondLimitError) as caught:
            list(watch.lines(process))
        process.kill()
    assert caught.value.values == told


def test_one_that_writes_too_large_a_file_is_ended_and_says_so() -> None:
    assert "SIGXFSZ" in str(ended("kill -XFSZ $$"))


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo before; echo aside >&2; sleep 30", "printed nothing for"),
        ("while sleep 0.3; do echo still; done", "did not finish within"),
    ],
)
def test_one_that_is_read_from_ends_within_its_limits(script: str, told: str) -> None:
    with pytest.raises(ToolError, match=told) as caught:
        _read_beside(script)
    assert caught.value.values["tool"] == "sh"


def _read_beside(script: str) -> None:
    system = RealSystem(lambda _event: None, own_limits=SMALL)
    with system.reading(["sh", "-c", script]) as one, system.reading(["yes"]) as other:
        other.read(1 << 21)  # more than `run` may print
        one.read()


def test_a_reader_may_take_longer_than_a_tool_may_be_silent() -> None:
    system = RealSystem(lambda _event: None, own_limits=SMALL)
    with system.reading(["sh", "-c", "sleep 0.7; echo one; sleep 0.7; echo two"]) as stream:
        time.sleep(1.2)
        assert stream.read() == b"one\ntwo\n"


def test_what_is_beside_and_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real_system, "_LAST_WORK", 0.5)
    began = time.monotonic()
    script = "trap '' TERM; while :; do sleep 0.05; done"
    with RealSystem(lambda _event: None).meanwhile(["sh", "-c", script]):
        time.sleep(0.3)
    assert time.monotonic() - began < 5
