"""Pulling the pinned base: from a registry of our own that is right, wrong, slow or away."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import docker
import pytest
from pytest_docker.plugin import DockerComposeExecutor, Services, get_docker_services

from builder.basics import texts
from builder.basics.errors import BuilderError, HostError
from builder.border.events import Event, Note
from builder.host.engine import Engine, connect
from builder.host.image.base_image import Base, BaseOrigin, build_on_base, ensure_base
from builder.host.image.resources import BasePin
from tests.support.registries import (
    COMMAND,
    COMPOSE_FILE,
    Pushed,
    Registry,
    free_port,
    left_of,
    recipe,
)

pytestmark = [
    pytest.mark.container,
    pytest.mark.only_docker(
        "a registry brought up by Compose, trusted without TLS as on localhost"
    ),
]

_UNKNOWN = "sha256:" + "0" * 64
_STAND_IN = """#!/bin/sh
printf '%s\\n' "$SOURCE_DATE_EPOCH" "$@" >"$0.called"
{body}
"""


@pytest.fixture(scope="module")
def engine() -> Engine:
    """The engine, through the code under test."""
    return connect()


@pytest.fixture(scope="module")
def port() -> int:
    """The registry's port."""
    return free_port()


@pytest.fixture(scope="module")
def project(client: docker.DockerClient, port: int) -> Iterator[str]:
    """A project name of this run's own; nothing is left under it at the end."""
    name = f"distroclone-builder-registry-{os.getpid()}"
    yield name
    assert left_of(client, project=name, repository=f"localhost:{port}/debian") == []


@pytest.fixture(scope="module")
def compose(engine: Engine, project: str, port: int) -> Iterator[DockerComposeExecutor]:
    """Debian's compose (1.29 on Debian 12, 2.x on 13) with what our compose file asks for."""
    context = recipe()
    tag = f"distroclone-builder-registry:{context.digest[:16]}"
    image = build_on_base(engine, context, tag=tag, on_event=ignore)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("REGISTRY_IMAGE", image)
        environment.setenv("REGISTRY_PORT", str(port))
        yield DockerComposeExecutor(COMMAND, str(COMPOSE_FILE), project)


@pytest.fixture(scope="module")
def docker_services(compose: DockerComposeExecutor, project: str) -> Iterator[Services]:
    """The services; brought up within, so that an `up` that fails is taken down as well."""
    down = ["down --volumes"]
    with get_docker_services(COMMAND, str(COMPOSE_FILE), project, [], down) as services:
        compose.execute("up --detach")
        yield services


@pytest.fixture(scope="module")
def registry(
    client: docker.DockerClient,
    compose: DockerComposeExecutor,
    project: str,
    docker_services: Services,
    port: int,
) -> Registry:
    """The registry, ready."""
    registry = Registry(
        client=client, compose=compose, services=docker_services, project=project, port=port
    )
    registry.wait()
    return registry


@pytest.fixture
def pushed(registry: Registry, engine: Engine) -> Iterator[Pushed]:
    """An image that the registry has and the engine does not."""
    with registry.pushed(engine) as pushed:
        assert engine.images.find(pushed.pinned) is None
        yield pushed


def ignore(_event: Event) -> None:
    """What the image's build prints."""


class Listener:
    """Keeps the notes among what is told."""

    def __init__(self) -> None:
        self.notes: list[Note] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, Note):
            self.notes.append(event)

    def said(self, level: str) -> list[str]:
        return [texts.render(each.message, each.values) for each in self.notes
                if each.level == level]  # fmt: skip


def never(error: BuilderError, _wait: float) -> None:
    """A retry that must not be."""
    pytest.fail(f"tried again after: {error}")


def other(pin: BasePin, digest: str) -> BasePin:
    return BasePin(repository=pin.repository, tag=pin.tag, digest=digest, suite=pin.suite)


def test_the_pinned_base_is_pulled_by_its_digest(engine: Engine, pushed: Pushed) -> None:
    listener = Listener()
    base = ensure_base(engine, on_event=listener, pin=pushed.pin)
    assert base == Base(id=pushed.id, origin=BaseOrigin.REGISTRY)
    found = engine.images.find(pushed.pinned)
    assert found is not None
    assert found.id == pushed.id
    assert listener.said("info") == [f"Pulled {pushed.pin.reference}"]
    assert listener.said("warning") == []


def test_what_was_pulled_is_used_again_without_a_registry(
    engine: Engine, registry: Registry, pushed: Pushed
) -> None:
    pulled = ensure_base(engine, on_event=Listener(), pin=pushed.pin)
    listener = Listener()
    with registry.stopped():
        assert ensure_base(engine, on_event=listener, pin=pushed.pin) == pulled
    assert listener.notes == []


def test_a_digest_that_the_registry_does_not_know_is_refused_at_once(
    engine: Engine, client: docker.DockerClient, pushed: Pushed
) -> None:
    with pytest.raises(HostError, match=f"{_UNKNOWN}.*not found") as caught:
        engine.images.pull(pushed.pin.repository, digest=_UNKNOWN, attempts=3, on_retry=never)
    assert not caught.value.temporary
    assert client.images.list(name=pushed.pin.repository) == []


@pytest.mark.parametrize("part", ["manifest", "config", "layer"])
def test_content_that_does_not_fit_its_digest_is_refused_at_once(
    engine: Engine, registry: Registry, pushed: Pushed, part: str
) -> None:
    manifest = registry.manifest(pushed)
    blob = {
        "manifest": pushed.pin.digest,
        "config": manifest["config"]["digest"],
        "layer": manifest["layers"][0]["digest"],
    }[part]
    pin = pushed.pin
    with (
        registry.damaged(blob),
        pytest.raises(HostError, match=r"something other than .* verification failed") as caught,
    ):
        engine.images.pull(pin.repository, digest=pin.digest, attempts=3, on_retry=never)
    assert "Do not use that registry" in caught.value.advice
    assert engine.images.find(pushed.pinned) is None
    assert engine.images.find(pushed.id) is None


def test_a_pull_that_breaks_off_midway_is_tried_again(
    engine: Engine, registry: Registry, pushed: Pushed
) -> None:
    layer = registry.manifest(pushed)["layers"][0]["digest"]
    errors: list[str] = []
    with ExitStack() as lost:
        lost.enter_context(registry.hidden(layer))

        def find(error: BuilderError, _wait: float) -> None:
            errors.append(str(error))
            lost.close()

        pin = pushed.pin
        image = engine.images.pull(pin.repository, digest=pin.digest, attempts=2, on_retry=find)
    assert image == pushed.id
    (error,) = errors
    assert "unknown blob" in error


def test_a_registry_that_comes_back_meanwhile_is_enough(
    engine: Engine, registry: Registry, pushed: Pushed
) -> None:
    errors: list[BuilderError] = []
    with registry.stopped(), ThreadPoolExecutor(max_workers=1) as helper:
        back = helper.submit(registry.start, after=1.5)
        image = engine.images.pull(
            pushed.pin.repository,
            digest=pushed.pin.digest,
            attempts=8,
            on_retry=lambda error, _wait: errors.append(error),
        )
        back.result()
    assert image == pushed.id
    assert errors
    assert all(error.temporary for error in errors)


def test_a_retry_is_announced_and_nothing_is_bootstrapped_when_it_helps(
    engine: Engine, registry: Registry, pushed: Pushed
) -> None:
    listener = Listener()

    def listen(event: Event) -> None:
        listener(event)
        if len(listener.notes) == 1:
            registry.start()

    with registry.stopped():
        base = ensure_base(engine, on_event=listen, pin=pushed.pin)
    assert base == Base(id=pushed.id, origin=BaseOrigin.REGISTRY)
    assert listener.said("warning") == []
    retry, pulled = listener.said("info")
    assert pushed.pinned in retry
    assert "trying again in" in retry
    assert pulled == f"Pulled {pushed.pin.reference}"


def stand_in(folder: Path, body: str) -> Path:
    """Put a command in the place of mmdebstrap, and return where it says how it was called."""
    command = folder / "mmdebstrap"
    command.write_text(_STAND_IN.format(body=body))
    command.chmod(0o755)
    return folder / "mmdebstrap.called"


def test_without_registry_and_mmdebstrap_the_error_says_what_to_install(
    engine: Engine,
    registry: Registry,
    pushed: Pushed,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listener = Listener()
    with registry.stopped(), monkeypatch.context() as environment:
        environment.setenv("PATH", str(tmp_path))
        with pytest.raises(HostError, match="mmdebstrap") as caught:
            ensure_base(engine, on_event=listener, pin=pushed.pin)
    assert "apt-get install mmdebstrap" in caught.value.advice
    assert f"docker pull {pushed.pin.reference}" in caught.value.advice
    assert len(listener.said("info")) == 2, "three attempts, so two waits"
    (warning,) = listener.said("warning")
    assert pushed.pin.reference in warning
    assert "connection refused" in warning
    assert "bootstrapping Debian trixie" in warning


def test_what_no_registry_has_is_bootstrapped_once_and_then_kept(
    engine: Engine,
    client: docker.DockerClient,
    pushed: Pushed,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    called = stand_in(tmp_path, f'cd "{tmp_path}" && tar -c mmdebstrap')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    pin = other(pushed.pin, "sha256:" + os.urandom(32).hex())
    listener = Listener()
    base = ensure_base(engine, on_event=listener, pin=pin)
    try:
        assert base.origin is BaseOrigin.BOOTSTRAPPED
        assert len(listener.said("warning")) == 1
        epoch, *arguments = called.read_text().split()
        assert epoch == "1789689600"  # 2026-09-18, the date in the pin's tag
        assert arguments[-2:] == ["trixie", "-"]
        called.unlink()
        assert ensure_base(engine, on_event=listener, pin=pin) == base
        assert len(listener.notes) == 1
        assert not called.exists()
    finally:
        client.images.remove(base.id, force=True)


def test_a_bootstrap_that_fails_halfway_leaves_no_image(
    engine: Engine,
    client: docker.DockerClient,
    pushed: Pushed,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stand_in(tmp_path, f'cd "{tmp_path}" && tar -c mmdebstrap; echo E: no archive >&2; exit 25')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(HostError, match="could not be bootstrapped") as caught:
        ensure_base(engine, on_event=Listener(), pin=other(pushed.pin, _UNKNOWN))
    assert caught.value.output == ("E: no archive",)
    assert caught.value.command[0] == "mmdebstrap"
    assert client.images.list(name=f"*:trixie-{'0' * 12}") == []
