"""What the tests of whole builds share, and the look behind their backs at the end."""

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from builder.formats.identities import ImageIdentity
from tests.conftest import DEMO
from tests.support.backed_up import Volume, backed_volume
from tests.support.caches import PREFIX, frozen, mounted_copy, plain_copy
from tests.support.command_line import Ended, run, wait_until
from tests.support.leftovers import Attached, attached, everything, has_strangers, ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A finished build."""

    ended: Ended
    folder: Path
    iso: Path


@pytest.fixture(scope="session", autouse=True)
def nothing_left(
    client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """At the end no container, volume, loop device or mount of ours is there that was not before.

    Other people's images may come and go meanwhile.
    """
    temporary = (Path(folder).resolve() for folder in (tempfile.gettempdir(), "/var/tmp"))
    places = (
        *(f"{folder}/{PREFIX}" for folder in temporary),
        f"{tmp_path_factory.getbasetemp().resolve()}/",
        f"{DEMO.resolve()}/",
    )
    before, devices = everything(client), attached()

    def left() -> set[Attached]:
        new = attached() - devices
        return ours(new, places=places, strangers=has_strangers(client)) if new else set()

    yield
    assert everything(client) - before == set()
    assert PREFIX not in Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    with suppress(AssertionError):  # the kernel frees them a moment later
        wait_until(lambda: not left())
    assert left() == set()


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


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Volume]:
    """A fresh btrfs for a cache, with a small system to back up."""
    with backed_volume(tmp_path) as made:
        yield made
