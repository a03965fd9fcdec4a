"""What the host needs from a container engine; the rest of the host knows nothing else about it.

`DockerEngine` is the real one; tests have one that starts nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar

from builder.basics.errors import BuilderError, error_from_data
from builder.border.events import Held, OnEvent
from builder.border.jobs import Job, Request, Result
from builder.border.labels import LABEL_BUILD
from builder.host.engine.spec import ContainerSpec

Value = TypeVar("Value")
Result_co = TypeVar("Result_co", covariant=True)


class Product(StrEnum):
    """Whose engine it is."""

    DOCKER = "Docker"
    PODMAN = "Podman"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFacts:
    """What the engine says about itself."""

    product: Product
    name: str
    version: str
    api: str
    storage: str
    root: str  # where it keeps its data, on its own host
    cpus: int
    memory: int  # bytes
    security: tuple[str, ...]
    where: str = ""  # how it is reached, and what named it, for people
    rootless: bool = False  # it has no more rights on its machine than a user


class State(StrEnum):
    """What a container does."""

    WAITS = "waits"  # it was never started
    WORKS = "works"
    SUCCEEDED = "succeeded"  # it ended with exit code 0
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """A container, a volume or an image that a run of ours made."""

    id: str
    labels: Mapping[str, str]
    state: State | None = None  # of a container

    @property
    def goes_on(self) -> bool:
        """Whether it is a build that needs nobody: it works, or its results wait."""
        return LABEL_BUILD in self.labels and self.state in (State.WORKS, State.SUCCEEDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """An image that the engine has."""

    id: str
    labels: Mapping[str, str]
    size: int  # bytes
    layers: tuple[str, ...] = ()  # digests, the lowest first
    entrypoint: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    has_manifest_id: bool = False  # of how the engine stores it, as containerd's image store has it


class HeldError(BuilderError):
    """The container waits in a step to be looked into; `failure` is what went wrong, if any."""

    def __init__(self, held: Held, *, container: str) -> None:
        super().__init__("The container is waiting in the step {step}", step=held.step)
        self.step = held.step
        self.container = container
        self.failure = None if held.error is None else error_from_data(held.error)


class RunningJob(Protocol[Result_co]):
    """A started container; `finish` first, then `fetch` what it made."""

    @property
    def id(self) -> str:
        """The container's id."""
        ...

    def finish(self, on_event: OnEvent) -> Result_co:
        """Pass on every event until the job ends, and return its result.

        Raises the job's own error, StepError when the container ended without a verdict, and
        HeldError when it waits to be looked into.
        """
        ...

    def fetch(self, path: Path) -> Iterator[bytes]:
        """Yield a tar stream of `path` as the container left it."""
        ...

    def persist(self, call: Callable[[], None], on_event: OnEvent) -> None:
        """Call `call`, and call it again, within limits, when the line to the engine breaks."""
        ...


class Images(Protocol):
    """What the engine can do with images."""

    def find(self, reference: str) -> ImageFacts | None:
        """Return the image of that name or id, or None; nothing is pulled."""
        ...

    def pull(
        self,
        repository: str,
        *,
        digest: str,
        attempts: int,
        on_retry: Callable[[BuilderError, float], None],
    ) -> str:
        """Pull `repository@digest` and return the image's id.

        Temporary errors are retried, `attempts` times in total, with growing waits.
        Raises HostError if the image is not available.
        """
        ...

    def import_rootfs(self, stream: IO[bytes], *, tag: str, labels: Mapping[str, str]) -> str:
        """Import a tar of a root filesystem as an image and return its id."""
        ...

    def build(
        self,
        context: IO[bytes],
        *,
        dockerfile: str,
        tag: str,
        arguments: Mapping[str, str],
        labels: Mapping[str, str],
        target: str = "",
        fresh: bool,
        on_line: Callable[[str], None],
    ) -> str:
        """Build an image from a tar `context` and return its id; `fresh` uses no cached layer.

        It ends with the stage `target`, if one is named.

        Raises HostError with the last lines of output when a Dockerfile step fails.
        """
        ...

    def load(self, archive: Iterator[bytes]) -> str:
        """Load images from an archive, and return why that failed; nothing when it did not."""
        ...

    def saved(self, reference: str) -> Iterator[bytes]:
        """Yield an image as an archive, in pieces."""
        ...

    def taken_out(
        self, reference: str, path: str, *, labels: Mapping[str, str]
    ) -> AbstractContextManager[Iterator[bytes]]:
        """Give what an image has at `path` as a tar, in pieces; nothing of the image is run.

        The container that this takes has the labels.
        """
        ...

    def read_file(self, reference: str, path: str, *, labels: Mapping[str, str]) -> bytes:
        """Return the content of a file in an image."""
        ...

    def names(self, repository: str) -> tuple[str, ...]:
        """Return the full name of every image in a repository."""
        ...

    def labelled(self, label: str) -> tuple[ImageFacts, ...]:
        """Return every image with a label, also those without a name, the youngest first."""
        ...

    def space(self) -> int:
        """Return how many bytes all images take together."""
        ...

    def remove_unused(self, reference: str) -> bool:
        """Remove an image unless a container or image uses it; return whether it was removed."""
        ...

    def remove(self, reference: str) -> None:
        """Remove an image; one that is gone is fine."""
        ...

    def know_as(self, name: str, *, image: str) -> None:
        """Take `name` for that image from now on, wherever an image's id is wanted."""
        ...


class Engine(Protocol):
    """A container engine that answered. Whatever it refuses is an EngineRefusedError."""

    @property
    def images(self) -> Images:
        """What it can do with images."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...

    def facts(self) -> EngineFacts:
        """Ask the engine what it is."""
        ...

    def started(
        self, spec: ContainerSpec[Request, Result]
    ) -> AbstractContextManager[RunningJob[Result]]:
        """Start a job's container; it is stopped and removed when the body is left."""
        ...

    def attached(self, container: str, job: Job[Any, Result], *, run: str) -> RunningJob[Result]:
        """Return a job that another process started; its container is left as it is.

        All that it said since its start is heard. Raises HostError when it is gone.
        """
        ...

    def run(self, spec: ContainerSpec[Request, Result], on_event: OnEvent) -> Result:
        """Run a job to its end and return its result. Raises the job's own error."""
        ...

    def put(self, spec: ContainerSpec[Any, Any], folder: Path, archive: Iterator[bytes]) -> None:
        """Unpack a tar into `folder` of a container like that, which is never started."""
        ...

    def claimed(
        self, name: str, *, of: str, labels: Mapping[str, str]
    ) -> AbstractContextManager[None]:
        """Keep a name that only one may have, for work on the container `of`, while the body lasts.

        What keeps it is a container that is never started. Raises NameTakenError if it is taken.
        """
        ...

    def persist(self, call: Callable[[], Value], on_event: OnEvent) -> Value:
        """Return what `call` returns; call it again, within limits, when the line breaks."""
        ...

    def shell(self, container: str, *, folder: Path) -> None:
        """Give the user a shell in `folder` of a running container, until it is left."""
        ...

    def volume(
        self,
        name: str,
        *,
        labels: Mapping[str, str],
        before_removal: Callable[[], None] = lambda: None,
    ) -> AbstractContextManager[str]:
        """Make a volume; remove it when the body is left, unless `before_removal` raises."""
        ...

    def keep_volume(self, name: str, *, labels: Mapping[str, str]) -> None:
        """Make a volume that stays; one of that name that is there already is fine."""
        ...

    def volume_path(self, name: str) -> str | None:
        """Return where the engine keeps a volume on its own host; None when there is none."""
        ...

    def leftover_containers(self) -> tuple[Leftover, ...]:
        """Return every container that carries our label, running or not."""
        ...

    def leftover_volumes(self) -> tuple[Leftover, ...]:
        """Return every volume that carries our label."""
        ...

    def remove_unused_volumes(self, label: str) -> tuple[str, ...]:
        """Remove every volume with a label that no container has; return their names."""
        ...

    def leftover_images(self) -> tuple[Leftover, ...]:
        """Return every image that carries our label, also those without a name."""
        ...

    def remove_container(self, name: str) -> None:
        """Kill and remove a container; one that is gone is fine."""
        ...

    def remove_volume(self, name: str) -> None:
        """Remove a volume; one that is gone is fine."""
        ...


OpenEngine = Callable[[], Engine]
