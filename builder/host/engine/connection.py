"""The engine over Docker's API: what it is, its volumes, and the doors to containers and images."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import docker
import docker.errors
from docker.models.containers import Container
from docker.models.volumes import Volume

from builder.basics.signals import held, undoing
from builder.border.events import OnEvent
from builder.border.jobs import Job, Request, Result
from builder.border.labels import LABEL_BUILD
from builder.host.engine import images, terminal
from builder.host.engine.choice import NOTHING_ASKED, Asked, Login, candidates
from builder.host.engine.container import DockerJob, created, creating, job_started
from builder.host.engine.endpoints import Scheme
from builder.host.engine.faults import patiently, translated
from builder.host.engine.following import Line
from builder.host.engine.protocol import Engine, EngineFacts, Leftover, Product, State, Value
from builder.host.engine.reaching import Reached, first_reached
from builder.host.engine.spec import ContainerSpec

# Removing a large volume, or a container with one, takes a slow disk more than the SDK's minute.
_SLOWEST_ANSWER = 180  # seconds
_LABELS_MARK = "distroclone-builder.run"
# How long to wait for an engine that cannot be reached any more, in seconds: a service of this
# machine starts again in no time, or not by itself.
_PATIENCE_HERE: Final = 20.0
_PATIENCE_FAR: Final = 900.0


class DockerEngine:
    """Implements `Engine`. Made by `connect`."""

    def __init__(
        self,
        client: docker.DockerClient,
        *,
        product: Product,
        where: str = "",
        patience: float = _PATIENCE_HERE,
    ) -> None:
        """`patience` is how long to wait for a line that is lost, in seconds."""
        self._client = client
        self._product = product
        self._where = where
        self._patience = patience
        self.images = images.DockerImages(client, product=product)

    def close(self) -> None:
        """See `Engine.close`."""
        self._client.close()

    def facts(self) -> EngineFacts:
        """See `Engine.facts`."""
        with translated("asking the engine about itself"):
            return self._said(self._client.info(), self._client.version())

    def _said(self, info: Mapping[str, Any], version: Mapping[str, Any]) -> EngineFacts:
        security = tuple(str(option) for option in info.get("SecurityOptions") or ())
        return EngineFacts(
            product=self._product,
            name=str(info.get("Name", "")),
            version=str(version.get("Version", "")),
            api=str(version.get("ApiVersion", "")),
            storage=str(info.get("Driver", "")),
            root=str(info.get("DockerRootDir", "")),
            cpus=int(info.get("NCPU", 0)),
            memory=int(info.get("MemTotal", 0)),
            security=security,
            where=self._where,
            rootless=info.get("Rootless") is True or "name=rootless" in security,  # Podman; Docker
        )

    @contextlib.contextmanager
    def started(self, spec: ContainerSpec[Request, Result]) -> Iterator[DockerJob[Result]]:
        """See `Engine.started`."""
        options = security_options(spec.job, self._facts)
        create = creating(self._client, self._product)
        spec = replace(spec, image=self.images.called(spec.image))
        line = Line(patience=self._patience, stays=spec.run if LABEL_BUILD in spec.marks else "")
        with job_started(
            create, spec, security_options=options, root=self._facts.root, line=line
        ) as job:
            yield job

    def attached(self, container: str, job: Job[Any, Result], *, run: str) -> DockerJob[Result]:
        """See `Engine.attached`."""
        with translated("attaching to a container"):
            found = self._client.containers.get(container)
        return DockerJob(found, None, job, line=Line(patience=self._patience, stays=run))

    def run(self, spec: ContainerSpec[Request, Result], on_event: OnEvent) -> Result:
        """See `Engine.run`."""
        with self.started(spec) as job:
            return job.finish(on_event)

    def put(self, spec: ContainerSpec[Any, Any], folder: Path, archive: Iterator[bytes]) -> None:
        """See `Engine.put`."""
        create = creating(self._client, self._product)
        options = security_options(spec.job, self._facts)
        spec = replace(spec, image=self.images.called(spec.image))
        with (
            created(create, spec, security_options=options, root=self._facts.root) as container,
            translated("sending to the engine"),
        ):
            container.put_archive(str(folder), archive)

    @contextlib.contextmanager
    def claimed(self, name: str, *, of: str, labels: Mapping[str, str]) -> Iterator[None]:
        """See `Engine.claimed`."""
        with contextlib.ExitStack() as stack:
            with held(), translated("claiming a container"):
                image = self._client.containers.get(of).attrs["Image"]
                made = images.never_started(self._client, image, labels=labels, name=name)
                stack.enter_context(undoing(lambda: self.remove_container(made)))
            yield

    def persist(self, call: Callable[[], Value], on_event: OnEvent) -> Value:
        """See `Engine.persist`."""
        return Line(patience=self._patience).held(call, on_event)

    def shell(self, container: str, *, folder: Path) -> None:
        """Give the user a shell in `folder` of a running container, until it is left."""
        terminal.shell(self._client, container, folder=folder)

    @contextlib.contextmanager
    def volume(
        self,
        name: str,
        *,
        labels: Mapping[str, str],
        before_removal: Callable[[], None] = lambda: None,
    ) -> Iterator[str]:
        """See `Engine.volume`."""

        def undo() -> None:
            before_removal()
            self.remove_volume(name)

        with contextlib.ExitStack() as stack:
            with held(), translated("creating the work volume"):
                self._client.volumes.create(name, labels=dict(labels))
                stack.enter_context(undoing(undo))
            yield name

    def keep_volume(self, name: str, *, labels: Mapping[str, str]) -> None:
        """See `Engine.keep_volume`."""
        with translated("creating a volume"):
            self._client.volumes.create(name, labels=dict(labels))

    def volume_path(self, name: str) -> str | None:
        """See `Engine.volume_path`."""
        with translated("looking for a volume"):
            try:
                return str(self._client.volumes.get(name).attrs["Mountpoint"])
            except docker.errors.NotFound:
                return None

    def leftover_containers(self) -> tuple[Leftover, ...]:
        """See `Engine.leftover_containers`."""
        with translated("listing containers"):
            found = self._client.containers.list(
                all=True, filters={"label": _LABELS_MARK}, ignore_removed=True
            )
            return tuple(
                Leftover(id=str(each.id), labels=_labels(each), state=_state(each))
                for each in found
            )

    def leftover_volumes(self) -> tuple[Leftover, ...]:
        """See `Engine.leftover_volumes`."""
        with translated("listing volumes"):
            found = self._client.volumes.list(filters={"label": _LABELS_MARK})
            return tuple(Leftover(id=str(each.name), labels=_labels(each)) for each in found)

    def remove_unused_volumes(self, label: str) -> tuple[str, ...]:
        """See `Engine.remove_unused_volumes`."""
        removed = []
        with translated("removing volumes"):
            for volume in self._client.volumes.list(filters={"label": label}):
                try:
                    volume.remove()
                except docker.errors.APIError as error:
                    if error.status_code != HTTPStatus.CONFLICT:
                        raise
                else:
                    removed.append(str(volume.name))
        return tuple(sorted(removed))

    def leftover_images(self) -> tuple[Leftover, ...]:
        """See `Engine.leftover_images`."""
        found = self.images.labelled(_LABELS_MARK)
        return tuple(Leftover(id=each.id, labels=each.labels) for each in found)

    def remove_container(self, name: str) -> None:
        """See `Engine.remove_container`."""
        patiently(
            "removing a container",
            lambda: self._client.containers.get(name).remove(v=True, force=True),
        )

    def remove_volume(self, name: str) -> None:
        """See `Engine.remove_volume`."""
        patiently("removing a volume", lambda: self._client.volumes.get(name).remove(force=True))

    @functools.cached_property
    def _facts(self) -> EngineFacts:
        return self.facts()


def security_options(job: Job[Any, Any], facts: EngineFacts) -> list[str]:
    """Return what an engine's own walls around containers have to let through for a job."""
    options = []
    apparmor = any("name=apparmor" in option for option in facts.security)
    if "SYS_ADMIN" in job.capabilities and apparmor:
        options.append("apparmor=unconfined")  # its default profile forbids every mount
    if facts.rootless and facts.product is Product.PODMAN:
        options.append("unmask=ALL")  # or the kernel forbids to mount /proc in a user namespace
    return options


def connect(asked: Asked = NOTHING_ASKED) -> Engine:
    """Reach the engine that the rule of `builder.host.engine.choice` takes.

    Raises UsageError or HostError, saying what to do, when none answers or it is too old.
    """
    found = _reached(asked)
    is_here = found.endpoint.address.scheme is Scheme.UNIX
    return DockerEngine(
        found.client,
        product=found.product,
        where=found.endpoint.where,
        patience=_PATIENCE_HERE if is_here else _PATIENCE_FAR,
    )


def sdk_client(asked: Asked = NOTHING_ASKED) -> docker.DockerClient:
    """Return the SDK's client for that engine."""
    return _reached(asked).client


def _reached(asked: Asked) -> Reached:
    found = first_reached(candidates(asked, Login()))
    found.client.api.timeout = _SLOWEST_ANSWER
    return found


def _state(container: Container) -> State:
    said = container.attrs["State"]
    match str(said.get("Status", "")):
        case "created" | "configured" | "initialized":
            return State.WAITS
        case "exited" | "stopped" | "dead" | "removing":
            return State.SUCCEEDED if said.get("ExitCode") == 0 else State.FAILED
        case _:
            return State.WORKS


def _labels(found: Container | Volume) -> Mapping[str, str]:
    if isinstance(found, Volume):
        return dict(found.attrs.get("Labels") or {})
    return dict(found.labels)
