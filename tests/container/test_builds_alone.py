"""A build whose line breaks, and one whose process is killed: nothing of either is lost."""

import hashlib
import os
import signal
import time
from pathlib import Path

import docker
import pytest

from builder.border.labels import LABEL_RUN
from tests.container.conftest import Built
from tests.support.caches import frozen
from tests.support.command_line import run, running, wait_until
from tests.support.containers import SOCKET
from tests.support.engine_proxy import proxied
from tests.support.leftovers import container_of, left_by

pytestmark = pytest.mark.container


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


@pytest.mark.full
def test_a_broken_line_and_a_killed_process_cost_no_result(
    client: docker.DockerClient, demo_cache: Path, built: Built, tmp_path: Path
) -> None:
    address, output = tmp_path / "engine.sock", tmp_path / "iso"
    words = ("build", "--cache-image", demo_cache, "--output", output, "--compression", "fast")
    with proxied(address, SOCKET) as proxy:
        environment = {"DOCKER_HOST": f"unix://{address}"}
        with running(*words, environment=environment) as started:
            started.wait_for_step("configure")
            proxy.cut()
            time.sleep(1)
            with proxied(address, SOCKET):
                started.wait_for(lambda event: "answers again" in str(event.get("message")))
                started.wait_for_step("initramfs")
                container = container_of(client, started.process.pid, "build")
                assert container is not None
                build = container.labels[LABEL_RUN]
                started.send(signal.SIGKILL)
                ended = started.end()
    steps = [each["step"] for each in ended.events if each["event"] == "step-started"]
    assert len(steps) == len(set(steps))  # nothing was told twice
    wait_until(lambda: not container_of(client, ended.process, "build"), seconds=240)  # it is done
    kept = left_by(client, ended.process)
    swept = run("sweep").data
    assert (swept["builds"], left_by(client, ended.process)) == ([build], kept)
    (found,) = run("builds", "list").data["builds"]
    assert (found["run"], found["state"], found["follower"]) == (build, "succeeded", "nobody")
    attached = run("builds", "attach")
    assert attached.data["run"] == build
    again = [each["step"] for each in attached.events if each["event"] == "step-started"]
    shared = [step for step in steps if step in again]  # all that the container told before
    assert again[: len(shared)] == shared
    (iso,) = output.glob("*.iso")
    assert digest(iso) == digest(built.iso)
    assert {each.name for each in output.iterdir()} == {
        each.name for each in built.folder.iterdir()
    }
    assert left_by(client, ended.process) == []


def test_a_build_that_goes_on_alone_is_ended_with_all_that_it_has(
    client: docker.DockerClient, cache: Path, tmp_path: Path
) -> None:
    """And by nobody while another process is attached to it, wherever its results go."""
    output = tmp_path / "iso"
    words = ("build", "--cache", cache, "--output", output, "--compression", "fast")
    with running(*words) as started:
        started.wait_for_step("stage")
        container = container_of(client, started.process.pid, "build")
        assert container is not None
        os.kill(
            int(container.attrs["State"]["Pid"]), signal.SIGSTOP
        )  # it shall not come to its end
        started.send(signal.SIGKILL)
        killed = started.end().process
    assert len(left_by(client, killed)) == 2  # a container and a volume
    assert len(frozen(cache)) == 1
    assert run("sweep", "--cache", cache).code == 0
    assert len(frozen(cache)) == 1
    assert len(list(output.glob(".*.partial"))) == 1
    with running("builds", "attach", "--output", tmp_path / "other") as attached:
        attached.wait_for_step("stage")
        (found,) = run("builds", "list").data["builds"]
        assert found["follower"] == "here"
        for command in ("attach", "cancel"):
            refused = run("builds", command, found["run"])
            assert refused.code == 2
            assert f"by process {attached.process.pid} of this" in refused.error["message"]
        attached.send(signal.SIGKILL)
        left = attached.end().process
    assert len(left_by(client, left)) == 1  # a claim
    assert run("builds", "cancel").code == 0
    assert left_by(client, left) == []
    assert left_by(client, killed) == []
    assert frozen(cache) == []
    assert [each.suffix for each in output.iterdir()] == [".log"]
