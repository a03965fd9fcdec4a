"""What the tests of whole builds share, and the look behind their backs at the end."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from builder.formats.identities import ImageIdentity
from tests.support.caches import PREFIX, attached_loops, frozen, mounted_copy, plain_copy
from tests.support.command_line import Ended, run, wait_until
from tests.support.leftovers import everything


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A finished build."""

    ended: Ended
    folder: Path
    iso: Path


@pytest.fixture(scope="session", autouse=True)
def nothing_left(client: docker.DockerClient) -> Iterator[None]:
    """At the end no container, volume, loop device or mount is there that was not before."""
    before, loops = everything(client), attached_loops()
    yield
    assert everything(client) - before == set()
    assert PREFIX not in Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    wait_until(lambda: attached_loops() <= loops)  # the kernel frees them a moment later


@pytest.fixture(scope="session")
def built(
    demo_cache: Path, builder_image: ImageIdentity, tmp_path_factory: pytest.TempPathFactory
) -> Built:
    """The ISO of the demo cache image."""
    folder = tmp_path_factory.mktemp("built")
    ended = run("build", "--cache-image", demo_cache, "--output", folder, "--compression", "fast")
    assert ended.code == 0, ended.errors
    (iso,) = folder.glob("*.iso")
    return Built(ended=ended, folder=folder, iso=iso)


@pytest.fixture(scope="session")
def cache(demo_cache: Path, builder_image: ImageIdentity) -> Iterator[Path]:
    """The base of a mounted copy of the demo cache, for tests that leave it as it was."""
    with mounted_copy(demo_cache) as base:
        yield base
        assert frozen(base) == []


@pytest.fixture(scope="session")
def own_cache(demo_cache: Path, builder_image: ImageIdentity) -> Iterator[Path]:
    """The base of another one, for tests that spoil it."""
    with mounted_copy(demo_cache) as base:
        yield base
        assert frozen(base) == []


@pytest.fixture(scope="session")
def plain_cache(cache: Path) -> Iterator[Path]:
    """The base of a cache in plain directories."""
    with plain_copy(cache) as base:
        yield base
