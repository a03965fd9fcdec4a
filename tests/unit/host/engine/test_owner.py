"""An owner is gone only when that is certain."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from builder.host.engine.owner import Owner, ourselves, parse_owner

_ROOT = Path(__file__).parents[4]
_SCRIPT = "from builder.host.engine.owner import ourselves; print(ourselves(), flush=True); input()"


@contextmanager
def other_process(
    command: str | Path = sys.executable,
) -> Iterator[tuple[Owner, subprocess.Popen[str]]]:
    """Start a process that says who it is; it ends with the body at the latest."""
    process = subprocess.Popen(
        [command, "-c", _SCRIPT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT), *sys.path])},
    )
    with process:
        assert process.stdout is not None
        owner = parse_owner(process.stdout.readline().strip())
        assert owner is not None
        try:
            yield owner, process
        finally:
            process.kill()


def test_this_process_is_not_gone() -> None:
    assert ourselves().process == os.getpid()
    assert not ourselves().is_gone()


def test_a_process_is_gone_once_it_has_ended() -> None:
    with other_process() as (owner, process):
        assert owner.process == process.pid
        assert not owner.is_gone()
        process.communicate("\n")
        assert owner.is_gone()


def test_a_process_that_its_parent_has_not_asked_after_is_gone_as_well() -> None:
    with other_process() as (owner, process):
        process.kill()
        state = Path(f"/proc/{process.pid}/stat")
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert ") Z " in state.read_text()
        assert owner.is_gone()


def test_a_command_with_a_name_like_a_proc_line_is_read_right(tmp_path: Path) -> None:
    command = tmp_path / "a) S 1 2 (b"
    command.symlink_to(Path(sys.executable).resolve())
    with other_process(command) as (owner, process):
        assert ") S 1 2" in Path(f"/proc/{process.pid}/stat").read_text()
        assert not owner.is_gone()
        assert replace(owner, started=1).is_gone()


def test_a_number_that_another_process_now_has_is_no_sign_of_life() -> None:
    here = ourselves()
    assert replace(here, started=here.started - 1).is_gone()


def test_nothing_survives_a_reboot() -> None:
    assert replace(ourselves(), boot="00000000-0000-0000-0000-000000000000").is_gone()


@pytest.mark.parametrize("boot", [ourselves().boot, "other"])
def test_of_another_machine_nothing_is_certain(boot: str) -> None:
    elsewhere = replace(ourselves(), machine="elsewhere", boot=boot, process=2**22)
    assert not elsewhere.is_gone()
    assert replace(elsewhere, machine=ourselves().machine).is_gone()


@pytest.mark.parametrize(
    "owner",
    [ourselves(), Owner(machine="odd/name with=signs", boot="b-1", process=1, started=0)],
)
def test_the_label_reads_back(owner: Owner) -> None:
    assert parse_owner(str(owner)) == owner


@pytest.mark.parametrize("text", ["", "machine", "m/b/1", "m/b/one/2", "m/b/1/", "m/b/1/2.5"])
def test_what_is_no_owner_is_none(text: str) -> None:
    assert parse_owner(text) is None
