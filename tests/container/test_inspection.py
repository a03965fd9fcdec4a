"""Builds that are stopped, entered and kept: real containers, and a real terminal."""

from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from builder.formats.identities import ImageIdentity
from tests.support.caches import ROOTFS
from tests.support.command_line import run
from tests.support.leftovers import left_by
from tests.support.terminal import on_terminal

pytestmark = pytest.mark.container


@pytest.fixture
def broken(plain_cache: Path) -> Iterator[Path]:
    """A tree whose initramfs step fails."""
    tree = plain_cache / ROOTFS
    tool = tree / "usr/sbin/mkinitramfs"
    before = tool.read_bytes()
    tool.write_text("#!/bin/sh\necho it is broken\nexit 3\n")
    try:
        yield tree
    finally:
        tool.write_bytes(before)


def test_a_build_that_stops_after_a_step_waits_with_its_tree_until_it_is_swept(
    client: docker.DockerClient, demo_cache: Path, builder_image: ImageIdentity, tmp_path: Path
) -> None:
    ended = run("build", "--cache-image", demo_cache, "--output", tmp_path,
                "--stop-after", "configure")  # fmt: skip
    assert ended.data == {"stopped_after": "configure"}
    kept = left_by(client, ended.process)
    assert {each.split()[0] for each in kept} == {"container", "volume"}
    (waiting,) = client.containers.list(
        filters={"label": "distroclone-builder.role=build", "status": "running"}
    )
    code, output = waiting.exec_run(["cat", "/work/root/etc/hostname"])
    assert (code, output) == (0, b"live\n")
    assert list(tmp_path.glob("*.iso")) == []
    assert run("sweep").code == 0
    assert left_by(client, ended.process) == []
    assert [path.suffix for path in tmp_path.iterdir()] == [".log"]


@pytest.mark.parametrize("option", ["--debug-shell", "--keep-failed"])
def test_without_a_terminal_nobody_is_waited_for(
    demo_cache: Path, tmp_path: Path, option: str
) -> None:
    ended = run("build", "--cache-image", demo_cache, "--output", tmp_path, option)
    assert ended.code == 2
    assert option in ended.error["message"]


def test_a_shell_shows_the_step_that_failed_and_then_all_is_cleaned_up(
    client: docker.DockerClient, broken: Path, builder_image: ImageIdentity, tmp_path: Path
) -> None:
    words = ("build", "--tree", broken, "--output", tmp_path, "--debug-shell")
    with on_terminal(*words) as terminal:
        process = terminal.process
        terminal.wait_for("distroclone-builder:/work#")
        terminal.type("cat /work/root/etc/hostname && stty size && exit\r")
        code = terminal.end()
    assert code == 5
    assert "live\r\n" in terminal.shown
    assert "it is broken" in terminal.shown.partition("exit\r\n")[2]
    assert left_by(client, process) == []


def test_what_failed_is_kept_until_it_is_swept_and_how_to_enter_it_is_said(
    client: docker.DockerClient, broken: Path, builder_image: ImageIdentity, tmp_path: Path
) -> None:
    with on_terminal("build", "--tree", broken, "--output", tmp_path, "--keep-failed") as terminal:
        process = terminal.process
        code = terminal.end()
    assert code == 5
    shown = " ".join(terminal.shown.split())
    assert "mkinitramfs failed with exit code 3" in shown
    assert "docker exec -it" in shown
    assert {each.split()[0] for each in left_by(client, process)} == {"container", "volume"}
    assert list(tmp_path.glob(".*.partial"))  # the partial results are there, too
    assert run("sweep").code == 0
    assert left_by(client, process) == []
