"""The one fake engine: it starts nothing, answers each job as a test says, and remembers it all.

What crosses the container's border with the real one goes through the same codec here.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, NoReturn

from builder.basics.codec import from_data, to_data
from builder.basics.errors import BuilderError, HostError, error_from_data
from builder.basics.signals import undoing
from builder.border import paths
from builder.border.events import OnEvent, decode, encode
from builder.border.jobs import JOBS, Job, Request, Result
from builder.border.labels import LABEL_LOCKED, LABEL_RUN
from builder.border.requests import FreezeRequest, TreeRequest
from builder.host.engine import ContainerSpec, EngineFacts, ImageFacts, Leftover, Product, State
from builder.host.engine.faults import EngineSilentError, NameTakenError
from builder.host.engine.protocol import Value
from builder.host.image.builder_image import builder_tag
from tests.support.fake_images import FakeImages, facts
from tests.support.specs import spec_for

AnySpec = ContainerSpec[Any, Any]
# Gives the job's result, or the error that it ends with; it may tell events before.
Answer = Callable[[AnySpec, OnEvent], object]

IMAGE = "sha256:" + "0" * 64  # the id of the builder image that it has unless a test says else


NO_ENGINE = "No container engine answers"


def without_engine() -> NoReturn:
    """Open no engine: none answers."""
    raise HostError(NO_ENGINE)


def answering(value: object) -> Answer:
    """Return the answer that is always this result, or this error."""
    return lambda _spec, _on_event: value


def builder_images() -> Mapping[str, ImageFacts]:
    """Return the locked builder image of this code."""
    return {builder_tag(locked=True): facts(IMAGE, {LABEL_LOCKED: "yes"})}


@dataclass
class FakeJob(Generic[Request, Result]):
    """Implements `RunningJob`."""

    spec: ContainerSpec[Request, Result]
    answer: Answer
    fetched: Callable[[AnySpec, Path], bytes] | None
    id: str = "fake"

    def finish(self, on_event: OnEvent) -> Result:
        """See `RunningJob.finish`."""
        found = self.answer(self.spec, lambda event: on_event(decode(encode(event))))
        if isinstance(found, BuilderError):
            raise error_from_data(found.to_data())
        expected = self.spec.job.result
        assert type(found) is expected, f"{self.spec.job.name} answers with {expected}"
        return from_data(expected, to_data(found))

    def fetch(self, path: Path) -> Iterator[bytes]:
        """See `RunningJob.fetch`."""
        assert self.fetched is not None, f"{path} of {self.spec.job.name}, which no test expects"
        yield self.fetched(self.spec, path)

    def persist(self, call: Callable[[], None], on_event: OnEvent) -> None:  # noqa: ARG002
        """See `RunningJob.persist`: this line does not break."""
        call()


@dataclass
class FakeEngine:
    """Implements `Engine`; what it is asked for can be read in its fields afterwards.

    `answers`, `refusals` (of a start) and `files` (what can be fetched, as a tar) go by the names
    of jobs.
    """

    answers: Mapping[str, Answer] = field(default_factory=dict)
    refusals: Mapping[str, HostError] = field(default_factory=dict)
    files: Mapping[str, Callable[[AnySpec, Path], bytes]] = field(default_factory=dict)
    images: FakeImages = field(default_factory=lambda: FakeImages(builder_images()))
    containers: dict[str, Mapping[str, str]] = field(default_factory=dict)  # labels by name
    states: dict[str, State] = field(default_factory=dict)  # of those; else they have failed
    volumes: dict[str, Mapping[str, str]] = field(default_factory=dict)
    specs: list[AnySpec] = field(default_factory=list)
    shells: list[tuple[str, Path]] = field(default_factory=list)
    made_volumes: dict[str, Mapping[str, str]] = field(default_factory=dict)
    came: list[tuple[Path, bytes]] = field(default_factory=list)  # tars, and into which folder
    closed: bool = False

    def __post_init__(self) -> None:
        """Refuse what would never be asked for."""
        named = {*self.answers, *self.refusals, *self.files}
        assert named <= {each.name for each in JOBS}, named

    @property
    def jobs(self) -> list[str]:
        """The jobs that were started, in order."""
        return [spec.job.name for spec in self.specs]

    def asked(self, job: Job[Request, Result]) -> list[Request]:
        """Return what was asked of a job, whatever it was on."""
        return [
            spec.request
            for spec in self.specs
            if spec.job.name == job.name and isinstance(spec.request, job.request)
        ]

    def tree_of(self, spec: AnySpec) -> str:
        """Return the path in the cache of the tree that a container sees, frozen or not."""
        assert isinstance(spec.request, TreeRequest)
        (bind,) = [each for each in spec.binds if each.target in (paths.SOURCE, paths.CACHE_IMAGE)]
        seen = spec.request.tree.subvolume or bind.source
        frozen = {
            each.request.name: each.request.path
            for each in self.specs
            if isinstance(each.request, FreezeRequest)
        }
        return frozen.get(Path(seen).name, seen)

    def close(self) -> None:
        """See `Engine.close`."""
        self.closed = True

    def facts(self) -> EngineFacts:
        """See `Engine.facts`."""
        return EngineFacts(
            product=Product.DOCKER,
            name="fake",
            version="28.0",
            api="1.48",
            storage="overlay2",
            root="/var/lib/fake",
            cpus=2,
            memory=8 << 30,
            security=(),
        )

    @contextlib.contextmanager
    def started(self, spec: ContainerSpec[Request, Result]) -> Iterator[FakeJob[Request, Result]]:
        """See `Engine.started`."""
        name = spec.job.name
        self.specs.append(spec)
        assert {each.name for each in spec.volumes} <= self.volumes.keys()
        assert from_data(spec.job.request, to_data(spec.request)) == spec.request
        if name in self.refusals:
            raise self.refusals[name]
        yield FakeJob(spec, self.answers[name], self.files.get(name))

    def attached(self, container: str, job: Job[Any, Result], *, run: str) -> FakeJob[Any, Result]:
        """See `Engine.attached`."""
        assert self.containers[container][LABEL_RUN] == run
        return FakeJob(spec_for(job), self.answers[job.name], self.files.get(job.name))

    def put(self, spec: ContainerSpec[Any, Any], folder: Path, archive: Iterator[bytes]) -> None:
        """See `Engine.put`: what came can be read in `came`."""
        assert {each.name for each in spec.volumes} <= self.volumes.keys()
        self.came.append((folder, b"".join(archive)))

    @contextlib.contextmanager
    def claimed(self, name: str, *, of: str, labels: Mapping[str, str]) -> Iterator[None]:
        """See `Engine.claimed`."""
        assert of in self.containers
        if name in self.containers:
            message = f"The container name {name} is in use"
            raise NameTakenError(message)
        self.containers[name] = labels
        with undoing(lambda: self.remove_container(name)):
            yield

    def persist(self, call: Callable[[], Value], on_event: OnEvent) -> Value:  # noqa: ARG002
        """See `Engine.persist`: once more, for a line that breaks once."""
        try:
            return call()
        except EngineSilentError:
            return call()

    def shell(self, container: str, *, folder: Path) -> None:
        """Nobody types into this one; that somebody could is remembered."""
        self.shells.append((container, folder))

    def run(self, spec: ContainerSpec[Request, Result], on_event: OnEvent) -> Result:
        """See `Engine.run`."""
        with self.started(spec) as job:
            return job.finish(on_event)

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

        self.keep_volume(name, labels=labels)
        with undoing(undo):
            yield name

    def keep_volume(self, name: str, *, labels: Mapping[str, str]) -> None:
        """See `Engine.keep_volume`."""
        self.made_volumes.setdefault(name, labels)
        self.volumes.setdefault(name, labels)

    def volume_path(self, name: str) -> str | None:
        """See `Engine.volume_path`."""
        return f"/var/lib/fake/{name}" if name in self.volumes else None

    def leftover_containers(self) -> tuple[Leftover, ...]:
        """See `Engine.leftover_containers`."""
        return tuple(
            replace(each, state=self.states.get(each.id, State.FAILED))
            for each in _leftovers(self.containers)
        )

    def leftover_volumes(self) -> tuple[Leftover, ...]:
        """See `Engine.leftover_volumes`."""
        return _leftovers(self.volumes)

    def remove_unused_volumes(self, label: str) -> tuple[str, ...]:
        """See `Engine.remove_unused_volumes`: none of them is used."""
        found = sorted(name for name, labels in self.volumes.items() if label in labels)
        for name in found:
            self.remove_volume(name)
        return tuple(found)

    def leftover_images(self) -> tuple[Leftover, ...]:
        """See `Engine.leftover_images`."""
        return _leftovers({each.id: each.labels for each in self.images.labelled(LABEL_RUN)})

    def remove_container(self, name: str) -> None:
        """See `Engine.remove_container`."""
        self.containers.pop(name, None)

    def remove_volume(self, name: str) -> None:
        """See `Engine.remove_volume`."""
        self.volumes.pop(name, None)


def _leftovers(things: Mapping[str, Mapping[str, str]]) -> tuple[Leftover, ...]:
    return tuple(
        Leftover(id=name, labels=labels) for name, labels in things.items() if LABEL_RUN in labels
    )
