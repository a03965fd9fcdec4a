"""The connection to the engine: what it is, its volumes, and the doors to containers and images."""

import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import docker
import docker.errors
import requests.exceptions
from docker.context import ContextAPI
from docker.models.containers import Container
from docker.models.volumes import Volume

from builder.basics.errors import HostError
from builder.basics.signals import held, undoing
from builder.host.engine import container as containers
from builder.host.engine import images
from builder.host.engine.faults import patiently, reason, translated

_OLDEST_API = (1, 41)  # Docker 20.10
# Removing a large volume, or a container with one, takes a slow disk more than the SDK's minute.
_SLOWEST_ANSWER = 180  # seconds
_LABELS_MARK = "distroclone-builder.run"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFacts:
    """What the engine says of itself."""

    name: str
    version: str
    api: str
    storage: str
    root: str  # where it keeps its data, on its own host
    cpus: int
    memory: int  # bytes
    security: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """A container, a volume or an image that a run of ours made."""

    id: str
    labels: Mapping[str, str]


class Engine:
    """A container engine that answered. Made by `connect`."""

    def __init__(self, client: docker.DockerClient) -> None:
        self._client = client
        self.images = images.Images(client)

    def close(self) -> None:
        """Give back the connection."""
        self._client.close()

    def facts(self) -> EngineFacts:
        """Ask the engine what it is."""
        with translated("asking the engine about itself"):
            info, version = self._client.info(), self._client.version()
        return EngineFacts(
            name=str(info.get("Name", "")),
            version=str(version.get("Version", "")),
            api=str(version.get("ApiVersion", "")),
            storage=str(info.get("Driver", "")),
            root=str(info.get("DockerRootDir", "")),
            cpus=int(info.get("NCPU", 0)),
            memory=int(info.get("MemTotal", 0)),
            security=tuple(str(option) for option in info.get("SecurityOptions") or ()),
        )

    @contextlib.contextmanager
    def started(self, spec: containers.ContainerSpec) -> Iterator[containers.RunningJob]:
        """Start a job's container; it is stopped and removed when the body is left."""
        options = []
        if "SYS_ADMIN" in spec.capabilities and self._has_apparmor:
            options.append("apparmor=unconfined")  # its default profile forbids every mount
        with containers.started(self._client, spec, security_options=options) as job:
            yield job

    @contextlib.contextmanager
    def volume(
        self,
        name: str,
        *,
        labels: Mapping[str, str],
        before_removal: Callable[[], None] = lambda: None,
    ) -> Iterator[str]:
        """Make a volume; remove it when the body is left, unless `before_removal` raises."""

        def undo() -> None:
            before_removal()
            self.remove_volume(name)

        with contextlib.ExitStack() as stack:
            with held(), translated("creating the work volume"):
                self._client.volumes.create(name, labels=dict(labels))
                stack.enter_context(undoing(undo))
            yield name

    def keep_volume(self, name: str, *, labels: Mapping[str, str]) -> None:
        """Make a volume that stays; one of that name that is there already is fine."""
        with translated("creating a volume"):
            self._client.volumes.create(name, labels=dict(labels))

    def volume_path(self, name: str) -> str | None:
        """Return where the engine keeps a volume on its own host; None when there is none."""
        with translated("looking for a volume"):
            try:
                return str(self._client.volumes.get(name).attrs["Mountpoint"])
            except docker.errors.NotFound:
                return None

    def leftover_containers(self) -> tuple[Leftover, ...]:
        """Return every container that carries our label, running or not."""
        with translated("listing containers"):
            found = self._client.containers.list(
                all=True, filters={"label": _LABELS_MARK}, ignore_removed=True
            )
        return tuple(Leftover(id=str(each.id), labels=_labels(each)) for each in found)

    def leftover_volumes(self) -> tuple[Leftover, ...]:
        """Return every volume that carries our label."""
        with translated("listing volumes"):
            found = self._client.volumes.list(filters={"label": _LABELS_MARK})
        return tuple(Leftover(id=str(each.name), labels=_labels(each)) for each in found)

    def leftover_images(self) -> tuple[Leftover, ...]:
        """Return every image that carries our label, also those without a name."""
        found = self.images.labelled(_LABELS_MARK)
        return tuple(Leftover(id=each.id, labels=each.labels) for each in found)

    def remove_container(self, name: str) -> None:
        """Kill and remove a container; one that is gone is fine."""
        patiently(
            "removing a container",
            lambda: self._client.containers.get(name).remove(v=True, force=True),
        )

    def remove_volume(self, name: str) -> None:
        """Remove a volume; one that is gone is fine."""
        patiently("removing a volume", lambda: self._client.volumes.get(name).remove(force=True))

    @functools.cached_property
    def _has_apparmor(self) -> bool:
        return any("name=apparmor" in option for option in self.facts().security)


def connect() -> Engine:
    """Reach the engine that DOCKER_HOST or the current Docker context names.

    Raises HostError, saying what to install or start, when none answers or it is too old.
    """
    where = os.environ.get("DOCKER_HOST") or "the default socket"
    try:
        client = sdk_client()
        version = str(client.version().get("ApiVersion", "0.0"))
    except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
        raise HostError(
            "No container engine answers at {where}: {reason}",
            hint=_advice(error),
            temporary=True,
            where=where,
            reason=reason(error),
        ) from error
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST_API:
        raise HostError(
            "The container engine speaks API {version}; at least 1.41 (Docker 20.10) is needed",
            hint="Update the engine.",
            version=version,
        )
    client.api.timeout = _SLOWEST_ANSWER
    return Engine(client)


def sdk_client() -> docker.DockerClient:
    """Return the SDK's client for the engine that DOCKER_HOST or the current context names."""
    if not os.environ.get("DOCKER_HOST"):
        context = ContextAPI.get_current_context()
        if context is not None and context.name != "default":
            return docker.DockerClient(
                base_url=context.Host, tls=context.TLSConfig, use_ssh_client=True
            )
    return docker.from_env(use_ssh_client=True)


def _advice(error: BaseException) -> str:
    text = str(error)
    if "Permission denied" in text:
        return (
            "Your user may not talk to the engine: join the `docker` group "
            "(`sudo usermod -aG docker $USER`, then log in again), or run as root."
        )
    return (
        "Install Docker 20.10 or later and start it (Debian and Ubuntu: `apt-get install "
        "docker.io`, then `systemctl start docker`), or point DOCKER_HOST at a running engine."
    )


def _labels(found: Container | Volume) -> Mapping[str, str]:
    if isinstance(found, Volume):
        return dict(found.attrs.get("Labels") or {})
    return dict(found.labels)
