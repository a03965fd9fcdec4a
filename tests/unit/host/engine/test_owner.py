"""An owner is gone only when that is certain."""

import hashlib
import hmac
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from builder.host.engine import owner as owner_module
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


@pytest.fixture
def own_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with an id, whose own PIDs are ours, whatever the tests run in."""
    monkeypatch.setattr(owner_module, "_FIRST_NAMESPACE", ourselves().namespace)


@pytest.fixture
def machine_id(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "machine-id"
    path.write_text("0123456789abcdef0123456789abcdef\n")
    monkeypatch.setattr(owner_module, "_MACHINE_ID", path)
    return path


OTHER_BOOT = "00000000-0000-0000-0000-000000000000"


@pytest.mark.usefixtures("own_namespace", "machine_id")
def test_nothing_survives_a_reboot() -> None:
    assert replace(ourselves(), boot=OTHER_BOOT).is_gone()


@pytest.mark.usefixtures("own_namespace", "machine_id")
def test_of_another_machine_with_our_name_nothing_is_certain() -> None:
    elsewhere = replace(ourselves(), machine="f" * 32, boot=OTHER_BOOT, process=2**22)
    assert not elsewhere.is_gone()
    old = Owner(machine=socket.gethostname(), boot=OTHER_BOOT, namespace=None, process=1, started=1)
    assert not old.is_gone()


@pytest.mark.usefixtures("own_namespace")
@pytest.mark.parametrize("content", ["", "uninitialized\n", "0" * 32, "12", "\udcff", None])
def test_machines_without_an_id_are_not_taken_for_one(
    machine_id: Path, content: str | None
) -> None:
    if content is None:
        machine_id.unlink()
    else:
        machine_id.write_text(content, errors="surrogateescape")
    here = ourselves()
    assert here.machine == ""
    assert not replace(here, boot=OTHER_BOOT).is_gone()
    assert replace(here, started=here.started - 1).is_gone()
    assert parse_owner(str(here)) == here


@pytest.mark.usefixtures("machine_id")
def test_the_id_of_an_image_does_not_make_one_machine_of_its_containers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = ourselves()
    monkeypatch.setattr(owner_module, "_FIRST_NAMESPACE", (here.namespace or 0) + 1)
    assert not replace(here, boot=OTHER_BOOT).is_gone()


def test_a_number_of_another_pid_namespace_means_nothing_here() -> None:
    here = ourselves()
    assert not replace(here, namespace=(here.namespace or 0) + 1, process=2**22).is_gone()


def test_a_process_that_proc_hides_is_not_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    def hidden(_process: int, _signal: int) -> None:
        raise PermissionError

    ended = replace(ourselves(), process=2**22)  # one more than the largest number
    assert ended.is_gone()
    monkeypatch.setattr(os, "kill", hidden)
    assert not ended.is_gone()


@pytest.mark.usefixtures("machine_id")
def test_the_id_of_the_machine_is_not_given_away() -> None:
    assert "0123456789abcdef" not in str(ourselves())
    raw, ours = (
        bytes.fromhex(text) for text in ("0123456789abcdef" * 2, owner_module._APPLICATION.hex())
    )
    made = hmac.digest(raw, ours, hashlib.sha256).hex()[:32]
    assert ourselves().machine[:12] == made[:12]


def test_old_labels_are_understood() -> None:
    here = ourselves()
    old = parse_owner(f"{socket.gethostname()}/{here.boot}/{here.process}/{here.started}")
    assert old is not None
    assert not old.is_gone()
    assert replace(old, started=here.started - 1).is_gone()
    assert not replace(old, machine="elsewhere", started=here.started - 1).is_gone()
    assert parse_owner(str(old)) == old


@pytest.mark.parametrize(
    "owner",
    [
        ourselves(),
        replace(ourselves(), machine=""),
        Owner(machine="odd/name with=signs", boot="b-1", namespace=None, process=1, started=0),
    ],
)
def test_the_label_reads_back(owner: Owner) -> None:
    assert parse_owner(str(owner)) == owner


@pytest.mark.parametrize(
    "text",
    [
        "",
        "machine",
        "m/b/1",
        "m/b/one/2",
        "m/b/1/",
        "m/b/1/2.5",
        "m/b/-1/2",
        "id:x/b/1/2/3",
        "id:/b/2/3",
    ],
)
def test_what_is_no_owner_is_none(text: str) -> None:
    assert parse_owner(text) is None
