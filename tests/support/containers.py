"""Containers of the tests' own, asked for with the SDK's options on every engine."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import docker
from docker.models.containers import Container
from docker.types import Ulimit

from builder.formats.identities import ImageIdentity
from builder.host.engine import Product, podman
from builder.host.engine.podman import product_of
from builder.host.image.builder_image import builder_tag

# Of the engine that the tests run on.
SOCKET: Final = Path(os.environ.get("DOCKER_HOST", "/var/run/docker.sock").removeprefix("unix://"))


def known_as(client: docker.DockerClient, image: ImageIdentity) -> str:
    """Return what the engine itself calls the builder image, which may have another id there."""
    called = builder_tag(locked=image.locked)
    return podman.local_name(called) if product_of(client.version()) is Product.PODMAN else called


def made(
    client: docker.DockerClient, image: str, command: Sequence[str], **options: Any
) -> Container:
    """Create a container; Podman is asked in its own terms, as it passes over rules for devices."""
    if product_of(client.version()) is Product.PODMAN:
        return on_podman(client, image, command, **options)
    return client.containers.create(image, list(command), **options)


def on_podman(
    client: docker.DockerClient,
    image: str,
    command: Sequence[str],
    *,
    entrypoint: Sequence[str] = (),
    working_dir: str = "",
    volumes: Iterable[str] = (),
    cpuset_cpus: str = "",
    ulimits: Iterable[Ulimit] = (),
    **options: Any,
) -> Container:
    """Create a container on Podman, also with what only tests ask for."""
    nothing: dict[str, Any] = {"mounts": (), "labels": {}, "devices": ()}
    asked = podman.specification(image, command, **(nothing | options))
    if entrypoint:
        asked["entrypoint"] = list(entrypoint)
    if working_dir:
        asked["work_dir"] = working_dir
    if cpuset_cpus:
        asked["resource_limits"]["cpu"] = {"cpus": cpuset_cpus}
    asked["volumes"] += [{"Dest": target} for target in volumes]
    if limits := [_limit(each.name, each.soft, each.hard) for each in ulimits]:
        # With one of them, Podman's own default for processes applies, which takes a capability.
        asked["r_limits"] = [*limits, _limit("nproc", 4096, 4096)]
    return podman.created(client, asked)


def ended(container: Container) -> int:
    """Wait for the end of a container and return its exit code.

    By following what it prints, as Podman waits busily.
    """
    for _output in container.logs(stream=True, follow=True):
        pass
    return int(container.wait()["StatusCode"])


@contextmanager
def paused(container: Container | None) -> Iterator[None]:
    """Have a build's container stand still: it would go on to its next one meanwhile, or end."""
    assert container is not None
    container.pause()
    try:
        yield
    finally:
        container.unpause()


def _limit(name: str, soft: int | None, hard: int | None) -> dict[str, object]:
    return {"type": name.upper(), "soft": soft, "hard": hard}
