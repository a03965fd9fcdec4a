"""The copy leaves out what the table says, and a torn copy is never taken for a whole one."""

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from builder.basics.errors import StepError
from builder.inside.steps import stage
from builder.inside.steps.stage import StageStep, rsync_progress
from builder.inside.system.real_system import RealSystem
from builder.inside.system.tool_error import ToolError
from builder.inside.system.tool_limits import ToolLimits
from builder.inside.tree.excludes import EXCLUDES, filters
from tests.support.machines import RecordingSystem
from tests.support.staging import stage_step


def staged(tmp_path: Path, *exclude: str) -> StageStep:
    source = tmp_path / "source"
    source.mkdir(exist_ok=True)
    (source / "file").write_text("content")
    return stage_step(source, tmp_path / "root", *exclude)


def failing(code: int, *lines: str) -> RecordingSystem:
    def fail(argv: Sequence[str]) -> str:
        ending = f"rsync error: some text (code {code}) at main.c(1338) [sender=3.4.1]"
        message = "rsync failed"
        raise ToolError(message, tool="rsync", code=code, command=argv, output=(*lines, ending))

    return RecordingSystem(fail)


def test_the_command_is_the_guides_for_a_cache(tmp_path: Path) -> None:
    argv = staged(tmp_path).argv()
    assert argv[:3] == ("rsync", "-aAXH", "--numeric-ids")
    assert argv[-2:] == (f"{tmp_path}/source/", f"{tmp_path}/root/")
    assert "--one-file-system" not in argv
    assert not any(word.startswith("--delete") for word in argv)


def test_own_patterns_are_tried_before_the_table(tmp_path: Path) -> None:
    step = staged(tmp_path, "/opt/big", "+ n\udcffme\n")
    assert ("--from0", f"--filter=merge {step.filters}") == step.argv()[-4:-2]
    step.write_filters()
    rules = step.filters.read_bytes().split(b"\0")
    assert rules[:2] == [b"- /opt/big", b"- + n\xffme\n"]
    assert rules[2:] == [*(rule.encode() for rule in filters()), b""]


def test_the_guides_excludes_are_in_the_table() -> None:
    patterns = {row.pattern for row in EXCLUDES}
    assert patterns >= {"/.snapshots", "/dev/*", "/home/*", "/root/*"}
    assert all(row.reason for row in EXCLUDES)


@pytest.mark.parametrize(
    ("line", "fraction"),
    [
        ("              0   0%    0.00kB/s    0:00:00 (xfr#0, to-chk=12345/12346)", 0.0),
        ("    130,012,345  37%   61.33MB/s    0:00:03 (xfr#911, to-chk=8123/12346)", 0.37),
        ("  8.23G 100%   95.10MB/s    0:01:22 (xfr#12001, to-chk=0/12346)", 1.0),
        ("  1.234.567   5%    1.00MB/s    0:00:01", 0.05),
        (" 1200 files...", 0.0),
    ],
)
def test_progress_lines_are_read(line: str, fraction: float) -> None:
    assert rsync_progress(line) == fraction


@pytest.mark.parametrize(
    "line",
    [
        "",
        "3 files to consider",
        "sending incremental file list",
        "etc/100% sure",
        "rsync: [sender] 50% of x",
    ],
)
def test_other_lines_are_no_progress(line: str) -> None:
    assert rsync_progress(line) is None


def test_progress_reaches_the_display(tmp_path: Path) -> None:
    system = RecordingSystem()
    system.prints = ("  10  50%   1.00MB/s    0:00:01", "a message")
    staged(tmp_path).run(system)
    assert system.fractions == [0.5]


@pytest.mark.parametrize(
    ("code", "line", "told"),
    [
        (24, 'file has vanished: "/source/etc/x"', "changed while it was being copied"),
        (23, "rsync: [sender] read errors mapping: Input/output error (5)", "could not be copied"),
        (11, "rsync: write failed: No space left on device (28)", "not enough space"),
        (12, "rsync: connection unexpectedly closed", "rsync failed"),
    ],
)
def test_what_went_wrong_is_explained(tmp_path: Path, code: int, line: str, told: str) -> None:
    with pytest.raises(StepError, match=told) as caught:
        staged(tmp_path).run(failing(code, line))
    assert line in caught.value.output
    assert caught.value.command[0] == "rsync"


class Leisurely(RealSystem):
    """A system whose rsync copies 40 MB a second, so that there is a meanwhile on each machine."""

    def run(self, argv: Sequence[str], **options: Any) -> str:
        return super().run((argv[0], "--bwlimit=40M", *argv[1:]), **options)


def test_a_file_that_becomes_a_named_pipe_meanwhile_ends_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "_QUIET", 2.0)
    step = staged(tmp_path)
    monkeypatch.setattr(stage, "_CLOCK", 0.0)
    os.mkfifo(tmp_path / "source/0-old")
    time.sleep(0.1)
    with (tmp_path / "source/a").open("wb") as stream:
        stream.truncate(100 << 20)

    def replace() -> None:
        while not list((tmp_path / "root").glob(".a.*")):
            time.sleep(0.01)
        (tmp_path / "source/file").unlink()
        os.mkfifo(tmp_path / "source/file")

    thread = threading.Thread(target=replace, daemon=True)
    thread.start()
    with pytest.raises(StepError, match=r"^/file in the source changed or disappeared"):
        step.run(Leisurely(lambda _event: None, own_limits=ToolLimits(quiet=20)))
    thread.join()
