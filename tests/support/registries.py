"""An image registry that runs beside the engine, and images to push to it."""

import io
import json
import secrets
import shutil
import socket
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final

import docker
import docker.errors
from docker.models.containers import Container
from pytest_docker.plugin import DockerComposeExecutor, Services

from builder.host.engine import Engine
from builder.host.image.resources import BasePin, BuildContext

# A plugin of the engine's command line, or (Debian) a command of its own.
COMMAND: Final = "docker-compose" if shutil.which("docker-compose") else "docker compose"
_RECIPE: Final = Path(__file__).parents[1] / "container/registry"
COMPOSE_FILE: Final = _RECIPE / "compose.yaml"
_BLOBS: Final = "/var/lib/docker-registry/docker/registry/v2/blobs"
_SECONDS: Final = 60.0  # for the registry to answer; it takes a tenth of one


def recipe() -> BuildContext:
    """Return what the registry's image is built from."""
    names = ("Dockerfile", "config.yml")
    return BuildContext(files={name: (_RECIPE / name).read_bytes() for name in names})


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """An image in the registry."""

    pin: BasePin
    id: str

    @property
    def pinned(self) -> str:
        """The image by its digest."""
        return f"{self.pin.repository}@{self.pin.digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """The registry that compose runs."""

    client: docker.DockerClient
    compose: DockerComposeExecutor
    services: Services
    project: str
    port: int

    @property
    def repository(self) -> str:
        """Where images are pushed to; "localhost" is what an engine trusts without TLS."""
        return f"localhost:{self.port}/debian"

    def answers(self) -> bool:
        """Whether the registry is ready."""
        try:
            with closing(HTTPConnection("127.0.0.1", self.port, timeout=2)) as connection:
                connection.request("GET", "/v2/")
                return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False

    def wait(self) -> None:
        """Wait until the registry is ready."""
        self.services.wait_until_responsive(self.answers, timeout=_SECONDS, pause=0.05)

    def start(self, *, after: float = 0.0) -> None:
        """Start the registry, so many seconds from now, and wait until it is ready."""
        time.sleep(after)
        self.compose.execute("start registry")
        self.wait()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop the registry; it is back when the body is left."""
        self.compose.execute("stop registry")
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def pushed(self, engine: Engine) -> Iterator[Pushed]:
        """Push a small image that nothing else has; the engine has it only if it is pulled."""
        tag = "trixie-20260918-slim"
        name = f"{self.repository}:{tag}"
        image = engine.images.import_rootfs(_rootfs(), tag=name, labels={})
        digest = None
        try:
            for chunk in self.client.images.push(
                self.repository, tag=tag, stream=True, decode=True
            ):
                assert "error" not in chunk, chunk
                digest = chunk.get("aux", {}).get("Digest", digest)
            assert digest is not None
            pin = BasePin(repository=self.repository, tag=tag, digest=digest, suite="trixie")
            result = Pushed(pin=pin, id=image)
            forget(self.client, name, result.pinned)
            yield result
        finally:
            forget(self.client, name, image)

    @contextmanager
    def damaged(self, blob: str) -> Iterator[None]:
        """Serve other content under a blob's digest; the right one is back after the body."""
        with self.hidden(blob) as path:
            self._run(f"cp {path}.hidden {path} && printf ' ' >>{path}")
            yield

    @contextmanager
    def hidden(self, blob: str) -> Iterator[str]:
        """Lose a blob, which was at the path given to the body; it is back after the body."""
        path = f"{_BLOBS}/sha256/{blob[7:9]}/{blob.removeprefix('sha256:')}/data"
        self._run(f"mv {path} {path}.hidden")
        try:
            yield path
        finally:
            self._run(f"mv {path}.hidden {path}")

    def manifest(self, image: Pushed) -> Mapping[str, Any]:
        """Return the image's manifest as the registry serves it."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            accepted = "application/vnd.docker.distribution.manifest.v2+json"
            connection.request(
                "GET", f"/v2/debian/manifests/{image.pin.digest}", headers={"Accept": accepted}
            )
            manifest: dict[str, Any] = json.loads(connection.getresponse().read())
            return manifest

    def _run(self, script: str) -> None:
        result = self._container().exec_run(["sh", "-c", script])
        assert result.exit_code == 0, result.output

    def _container(self) -> Container:
        (container,) = self.client.containers.list(filters=_of(self.project))
        return container


def forget(client: docker.DockerClient, *references: str) -> None:
    """Remove images from the engine under these names; one that is gone is fine."""
    for reference in references:
        with suppress(docker.errors.NotFound):
            client.images.remove(reference, force=True)


def left_of(client: docker.DockerClient, *, project: str, repository: str) -> list[str]:
    """Return what the engine still has of a project and of a repository."""
    containers = client.containers.list(all=True, filters=_of(project))
    networks = client.networks.list(filters=_of(project))
    volumes = client.volumes.list(filters=_of(project))
    images = client.images.list(name=repository)
    return [repr(each) for each in (*containers, *networks, *volumes, *images)]


def _of(project: str) -> dict[str, str | list[str] | bool]:
    return {"label": f"com.docker.compose.project={project}"}


def _rootfs() -> io.BytesIO:
    content = secrets.token_bytes(2000)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("etc/unique")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    buffer.seek(0)
    return buffer
