"""What every test with a real engine shares."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest

from fixtures.demo_cache import make_demo_cache


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """The engine that the environment names."""
    with closing(docker.from_env(timeout=600)) as client:
        client.ping()
        yield client


@pytest.fixture(scope="session")
def base_image() -> str:
    """A Debian 13 image to build on."""
    return os.environ.get("DISTROCLONE_BUILDER_BASE", "dcb-base:trixie")


@pytest.fixture(scope="session")
def demo_cache(engine: docker.DockerClient, base_image: str) -> Path:
    """The demo cache image; kept between runs while its recipe is the same."""
    target = Path(__file__).parents[2] / ".demo/cache.img"
    make_demo_cache(engine, base_image=base_image, target=target)
    return target
