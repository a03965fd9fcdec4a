"""A build of a system whose initramfs hooks run wild ends with the reason, and leaves nothing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest

from tests.support.caches import ROOTFS
from tests.support.command_line import run
from tests.support.leftovers import left_by

pytestmark = pytest.mark.container

_FORKS = "more() { more | more & }\nset +e\nmore\nsleep 20\nexit 0"
_EATS = "tail /dev/zero\nexit 0"  # it waits for the end of a line, and hides that it was killed


@contextmanager
def spoiled(tree: Path, hook: str, script: str) -> Iterator[None]:
    """Let a hook of the tree do something else than it is for."""
    path = tree / "usr/share/initramfs-tools/hooks" / hook
    before, times = path.read_bytes(), path.stat()
    path.write_text(f'#!/bin/sh\n[ "$1" = prereqs ] && exit 0\n{script}\n')
    try:
        yield
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        (("udev", _FORKS), "it ran more than 1000 processes at once"),
        (("thermal", _EATS), "the memory of its container was used up"),
    ],
    ids=["processes", "memory"],
)
def test_a_hook_that_takes_without_end_ends_the_build(
    client: docker.DockerClient, plain_cache: Path, tmp_path: Path, hook: tuple[str, str], said: str
) -> None:
    tree = plain_cache / ROOTFS
    with spoiled(tree, *hook):
        ended = run("build", "--tree", tree, "--output", tmp_path, "--no-block-cache")
    assert ended.code == 5
    assert said in ended.error["message"]
    assert "mkinitramfs" in ended.error["message"]
    assert ended.error["hint"]
    assert left_by(client, ended.process) == []
    assert [path.suffix for path in tmp_path.iterdir()] == [".log"]
