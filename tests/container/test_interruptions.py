"""Ctrl-C and SIGTERM at every step, and ends that nobody asked for: nothing half-made is left."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from builder.border.step_names import StepName
from builder.inside.source.fingerprint import fingerprint
from tests.support.caches import frozen
from tests.support.command_line import COMMAND, PROJECT, Ended, run, running, wait_until
from tests.support.containers import SOCKET, paused
from tests.support.engine_proxy import proxied
from tests.support.leftovers import container_of, left_by

pytestmark = pytest.mark.container

# `install` is a step of builds that add packages: test_added_packages.py
STEPS = (*(each for each in StepName if each is not StepName.INSTALL), "deliver")
SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Steps in which most is open; each of the others is for the night.
EVERY_RUN = (StepName.STAGE, StepName.SEARCH, StepName.INITRAMFS, StepName.SQUASHFS, "deliver")
ALTERNATING = [
    pytest.param(step, SIGNALS[place % 2], marks=() if step in EVERY_RUN else pytest.mark.full)
    for place, step in enumerate(STEPS)
]
LONGEST = 15  # seconds from a signal to the end
PATIENCE = 20  # seconds in which an engine of this machine may come back


def build(cache: Path, output: Path) -> tuple[object, ...]:
    return ("build", "--cache", cache, "--output", output, "--compression", "fast")


def check_clean(client: docker.DockerClient, ended: Ended, cache: Path, output: Path) -> None:
    """Nothing is left of a run but, perhaps, its log."""
    assert left_by(client, ended.process) == []
    assert frozen(cache) == []
    assert [path.name for path in output.iterdir() if path.suffix != ".log"] == []


@pytest.fixture(scope="module", autouse=True)
def source_unchanged(cache: Path) -> Iterator[None]:
    """Whatever happens to the builds here, the system they read stays as it was."""
    before = fingerprint(cache / ".rootfs_cache")
    yield
    assert fingerprint(cache / ".rootfs_cache") == before


@pytest.mark.parametrize(("step", "number"), ALTERNATING)
def test_a_signal_at_any_step_ends_the_build_and_leaves_nothing(
    client: docker.DockerClient, cache: Path, tmp_path: Path, step: str, number: signal.Signals
) -> None:
    with running(*build(cache, tmp_path)) as started:
        started.wait_for_step(step)
        before = time.monotonic()
        started.send(number)
        ended = started.end()
    assert time.monotonic() - before < LONGEST
    assert ended.code == 130, ended.errors
    assert ended.error["message"] == f"Interrupted by {number.name}"
    assert "Traceback" not in ended.errors
    check_clean(client, ended, cache, tmp_path)


@pytest.mark.parametrize(("role", "number"), [("scan", signal.SIGTERM), ("freeze", signal.SIGINT)])
def test_a_signal_before_the_first_step_leaves_nothing_either(
    client: docker.DockerClient, cache: Path, tmp_path: Path, role: str, number: signal.Signals
) -> None:
    with running(*build(cache, tmp_path)) as started:
        process = started.process.pid
        wait_until(lambda: container_of(client, process, role) is not None)
        started.send(number)
        ended = started.end()
    assert ended.code == 130, ended.errors
    check_clean(client, ended, cache, tmp_path)


def test_more_signals_while_a_build_is_undone_do_no_harm(
    client: docker.DockerClient, cache: Path, tmp_path: Path
) -> None:
    with running(*build(cache, tmp_path)) as started:
        started.wait_for_step("initramfs")
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            started.send(number)
            time.sleep(0.2)
        ended = started.end()
    assert ended.code == 130, ended.errors
    assert "Traceback" not in ended.errors
    check_clean(client, ended, cache, tmp_path)


def test_a_killed_container_is_an_error_of_the_step(
    client: docker.DockerClient, cache: Path, tmp_path: Path
) -> None:
    with running(*build(cache, tmp_path)) as started:
        started.wait_for_step("initramfs")
        container = container_of(client, started.process.pid, "build")
        assert container is not None
        container.kill()
        ended = started.end()
    assert ended.code == 5, ended.errors
    assert "exit code 137" in ended.error["message"]
    assert "killed" in ended.error["hint"]
    assert ended.error["output"]
    check_clean(client, ended, cache, tmp_path)


def test_a_removed_container_is_an_error_of_the_step(
    client: docker.DockerClient, cache: Path, tmp_path: Path
) -> None:
    with running(*build(cache, tmp_path)) as started:
        started.wait_for_step("stage")
        container = container_of(client, started.process.pid, "build")
        assert container is not None
        container.remove(force=True)
        ended = started.end()
    assert ended.code == 5, ended.errors
    assert re.search(
        "was removed|stopped or removed|ended without a result", ended.error["message"]
    )  # a race: all are true
    check_clean(client, ended, cache, tmp_path)


def test_a_reader_that_goes_away_ends_the_build(
    client: docker.DockerClient, cache: Path, tmp_path: Path
) -> None:
    words = [*COMMAND, *map(str, build(cache, tmp_path)), "--json"]
    with subprocess.Popen(words, cwd=PROJECT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == 130
    assert left_by(client, process.pid) == []
    assert frozen(cache) == []


def test_sweep_removes_what_a_killed_build_left_and_no_living_one(
    client: docker.DockerClient, cache: Path, demo_cache: Path, tmp_path: Path
) -> None:
    dead, living = tmp_path / "dead", tmp_path / "living"
    with running(*build(cache, dead)) as started:
        started.wait_for_step("stage")
        started.send(signal.SIGKILL)
        killed = started.end().process
    container = container_of(client, killed, "build")
    assert container is not None
    container.kill()  # as when the machine starts again; else it goes on: test_builds_alone.py
    assert len(left_by(client, killed)) == 2  # a container and a volume
    (name,) = frozen(cache)
    with running(*build(cache, living)) as started:
        started.wait_for_step("stage")
        with paused(container_of(client, started.process.pid, "build")):
            beside = left_by(client, started.process.pid)
            swept = run("sweep").data
            assert left_by(client, killed) == []
            assert left_by(client, started.process.pid) == beside
            (other,) = frozen(cache)
            assert other != name
        started.send(signal.SIGTERM)
        assert started.end().code == 130
    assert str(cache / name) in swept["frozen"]
    assert (len(swept["containers"]) >= 1, len(swept["volumes"]) >= 1) == (True, True)
    assert frozen(cache) == []
    assert run("sweep", "--cache", cache).data["frozen"] == []
    rest = [path.name for path in dead.iterdir()]
    assert not any(name.endswith((".iso", "SHA256SUMS")) for name in rest)


@pytest.mark.full
def test_an_engine_that_stays_away_is_told_and_its_build_ended_when_it_is_back(
    client: docker.DockerClient, cache: Path, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    address = tmp_path / "engine.sock"
    environment = {"DOCKER_HOST": f"unix://{address}"}
    with (
        proxied(address, SOCKET) as proxy,
        running(*build(cache, output), environment=environment) as started,
    ):
        started.wait_for_step("initramfs")
        proxy.cut()
        before = time.monotonic()
        ended = started.end()
    assert time.monotonic() - before < PATIENCE + LONGEST
    assert ended.code == 3, ended.errors
    assert "container engine" in ended.error["message"]
    assert "distroclone-builder builds attach" in ended.error["hint"]
    assert "distroclone-builder sweep" in ended.error["hint"]
    assert "Traceback" not in ended.errors
    assert not list(output.glob("*.iso"))
    assert left_by(client, ended.process)
    assert frozen(cache)
    assert run("builds", "cancel").code == 0
    check_clean(client, ended, cache, output)
