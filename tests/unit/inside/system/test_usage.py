"""What a tool takes is counted with all that it started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from builder.inside.system import usage

# A child with three threads more, and a grandchild; then a file of 3 MiB is on the disk.
_FAMILY = """
import os, sys, threading, time
if os.fork() == 0:
    for _ in range(3):
        threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
    if os.fork() == 0:
        with open(sys.argv[1], "wb") as file:
            file.write(bytes(3 << 20))
            os.fsync(file.fileno())
        print("ready", flush=True)
    time.sleep(20)
time.sleep(20)
"""


def test_a_family_is_counted_with_its_threads_and_what_it_wrote(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", _FAMILY, str(tmp_path / "file")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            family = usage.descendants(process.pid)
            assert sorted(each.threads for each in family.values()) == [1, 4]
            assert usage.written_by(family) >> 20 in (0, 3)  # 0: the disk is in memory
        finally:
            os.killpg(process.pid, 9)


@pytest.mark.parametrize(
    "text",
    ["low 0\nhigh 3\nmax 7\noom 4\noom_kill 2\n", "oom_kill_disable 0\nunder_oom 1\noom_kill 2\n"],
)
def test_kills_are_counted_in_either_version_of_control_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (tmp_path / "second").write_text(text)
    monkeypatch.setattr(usage, "_MEMORY_EVENTS", (tmp_path / "first", tmp_path / "second"))
    assert usage.kills_for_memory() == 2


def test_where_nobody_counts_there_were_no_kills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage, "_MEMORY_EVENTS", (tmp_path / "none",))
    assert usage.kills_for_memory() == 0
