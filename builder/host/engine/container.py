"""One job in one container: created, checked, started, listened to, and always removed."""

import contextlib
import io
import json
import tarfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import docker.errors
from docker.types import Mount

from builder.basics.codec import to_data
from builder.basics.errors import BuilderError, HostError, StepError, error_from_data
from builder.basics.signals import held, undoing
from builder.border.events import Event, Failed, Result, ToolOutput, decode
from builder.border.plan import Isolation
from builder.host.engine.faults import patiently, translated

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

_REQUEST_NAME: Final = "request.json"  # builder.border.paths.REQUEST, seen from /
_WORK: Final = "/work"
_GRACE_SECONDS: Final = 20
_LAST_LINES: Final = 25
_LOOP_MAJOR: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """A path of the engine's host, seen in the container."""

    source: str
    target: str
    read_only: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedVolume:
    """A volume of the engine, seen in the container."""

    name: str
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """One job, and all that its container may see and do."""

    image: str
    job: str
    request: object
    labels: Mapping[str, str]
    binds: tuple[Bind, ...] = ()
    volume: str | None = None  # seen at /work
    stores: tuple[NamedVolume, ...] = ()  # volumes that outlive the run
    capabilities: tuple[str, ...] = ()
    memory: int | None = None  # bytes that all its processes may use, without any swap
    isolation: Isolation = Isolation.CONFINED
    loop_devices: bool = False  # may attach files to loop devices
    devices: tuple[str, ...] = ()
    network: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


class RunningJob:
    """A started container; `finish` first, then `fetch` what it made."""

    def __init__(self, container: "Container", stream: Iterator[tuple[bytes | None, bytes | None]]):
        self._container = container
        self._stream = stream

    @property
    def id(self) -> str:
        """The container's id."""
        return str(self._container.id)

    def finish(self, on_event: Callable[[Event], None]) -> Mapping[str, Any]:
        """Pass on every event until the job ends, and return its result.

        Raises the job's own error, or StepError when the container ended without a verdict.
        """
        verdict: Result | Failed | None = None
        last = deque[str](maxlen=_LAST_LINES)
        for event in _events(_followed(self._stream)):
            if isinstance(event, Result | Failed):
                verdict = event
            else:
                on_event(event)
                if isinstance(event, ToolOutput):
                    last.append(event.text)
        code = self._exit_code()
        match verdict:
            case Failed(error=error):
                raise error_from_data(error)
            case Result(data=data) if code == 0:
                return data
            case _:
                raise self._lost(code, output=tuple(last))

    def _exit_code(self) -> int | None:
        """Wait for the end; None when somebody removed the container meanwhile."""
        with translated("waiting for the container"):
            try:
                return int(self._container.wait()["StatusCode"])
            except docker.errors.NotFound:
                return None

    def fetch(self, path: str) -> Iterator[bytes]:
        """Yield a tar stream of `path` as the container left it."""
        with translated("fetching the result"):
            chunks, _stat = self._container.get_archive(path, chunk_size=4 * 1024 * 1024)
            yield from chunks

    def _lost(self, code: int | None, *, output: tuple[str, ...]) -> BuilderError:
        with translated("looking at the ended container"):
            try:
                self._container.reload()
            except docker.errors.NotFound:
                code = None
            killed_for_memory = bool(self._container.attrs["State"].get("OOMKilled"))
        if code is None:
            return StepError(
                "The container was removed while it worked",
                hint="Something outside removed it (`docker rm`, a clean-up job?); build again.",
                output=output,
            )
        if killed_for_memory:
            return StepError(
                "The container ran out of memory",
                hint="A build may use 1.5 GiB, which is more than any needed so far: please report "
                "it with the log. `--compression fast` needs less.",
                output=output,
            )
        return StepError(
            "The container ended before it could give a result (exit code {code})",
            hint="It was killed from outside, or with the engine: its log says more (`journalctl "
            "-u docker`). 137 is SIGKILL, often for lack of memory. Then build again.",
            output=output,
            code=code,
        )


@contextlib.contextmanager
def started(
    client: "DockerClient", spec: ContainerSpec, *, security_options: list[str]
) -> Iterator[RunningJob]:
    """Start the job; stop it if it still runs when the body is left, and remove it always."""
    with contextlib.ExitStack() as undo:
        with held(), translated(f"creating the {spec.job} container"):
            container = client.containers.create(
                spec.image,
                [spec.job],
                **_options(spec, security_options=security_options),
            )
            undo.enter_context(undoing(lambda: _remove(container)))
        _check_mounts(container, spec)
        with translated(f"starting the {spec.job} container"):
            container.put_archive("/", _request_archive(spec.request))
            stream = container.attach(stream=True, logs=True, stdout=True, stderr=True, demux=True)
            undo.callback(_close, stream)
            container.start()
        yield RunningJob(container, stream)


def _options(spec: ContainerSpec, *, security_options: list[str]) -> dict[str, Any]:
    mounts = [
        Mount(
            bind.target,
            bind.source,
            type="bind",
            read_only=bind.read_only,
            propagation="rprivate",
        )
        for bind in spec.binds
    ]
    if spec.volume is not None:
        mounts.append(Mount(_WORK, spec.volume, type="volume"))
    mounts += [
        Mount(store.target, store.name, type="volume", read_only=store.read_only)
        for store in spec.stores
    ]
    privileged = spec.isolation is Isolation.PRIVILEGED
    options: dict[str, Any] = {
        "mounts": mounts,
        "labels": dict(spec.labels),
        "environment": dict(spec.environment),
        "init": True,
        "hostname": "distroclone-builder",
        "privileged": privileged,
        "network_disabled": not spec.network,
    }
    if not spec.network:
        options["network_mode"] = "none"
    if spec.memory is not None:  # an engine that cannot limit it says so and goes on
        options["mem_limit"] = options["memswap_limit"] = spec.memory
    devices = [f"{device}:{device}:rwm" for device in spec.devices]
    if not privileged:
        options["cap_drop"] = ["ALL"]
        options["cap_add"] = list(spec.capabilities)
        options["security_opt"] = ["no-new-privileges", *security_options]
    if spec.loop_devices:
        devices.append("/dev/loop-control:/dev/loop-control:rwm")
        options["device_cgroup_rules"] = [f"b {_LOOP_MAJOR}:* rmw"]
    return options | {"devices": devices}


def _request_archive(request: object) -> bytes:
    text = json.dumps(to_data(request)).encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo(_REQUEST_NAME)
        member.size = len(text)
        member.mode = 0o400
        archive.addfile(member, io.BytesIO(text))
    return buffer.getvalue()


def _check_mounts(container: "Container", spec: ContainerSpec) -> None:
    """Refuse to start when the engine made a mount writable that must not be."""
    with translated("checking the container's mounts"):
        container.reload()
    writable = {str(mount["Destination"]): bool(mount["RW"]) for mount in container.attrs["Mounts"]}
    mounts: tuple[Bind | NamedVolume, ...] = (*spec.binds, *spec.stores)
    for bind in mounts:
        if writable.get(bind.target) is not (not bind.read_only):
            raise HostError(
                "The engine did not mount {target} the way it was asked to; nothing was started",
                hint="Update the engine: 20.10 and later are known to honour read-only mounts.",
                target=bind.target,
            )


def _followed(
    stream: Iterator[tuple[bytes | None, bytes | None]],
) -> Iterator[tuple[bytes | None, bytes | None]]:
    """Pass on the frames; only what goes wrong in reading them is the engine's fault."""
    with translated("following the container"):
        yield from stream


def _events(stream: Iterator[tuple[bytes | None, bytes | None]]) -> Iterator[Event]:
    """Join the engine's frames to lines, and the lines to events.

    A line that is no event (an interpreter's dying words, say) becomes tool output.
    """
    pending = {"out": b"", "err": b""}
    for out, err in stream:
        for name, chunk in (("out", out), ("err", err)):
            *lines, pending[name] = (pending[name] + (chunk or b"")).split(b"\n")
            yield from map(_event, lines)
    yield from (_event(rest) for rest in pending.values() if rest)


def _event(line: bytes) -> Event:
    text = line.decode("utf-8", "backslashreplace")
    try:
        return decode(text)
    except ValueError:
        return ToolOutput(step="", text=text)


def _close(stream: Any) -> None:
    """Close the connection that the output came over.

    The SDK leaves it to the garbage collector: its own `close` shuts the socket down, but the
    response keeps it open.
    """
    with contextlib.suppress(Exception):  # it may be broken; the container matters more
        stream._response.close()


def _remove(container: "Container") -> None:
    """Stop a container that still runs, politely first, then remove it with its own volumes."""
    with contextlib.suppress(Exception):  # it may have ended long ago; remove decides
        container.stop(timeout=_GRACE_SECONDS)
    patiently("removing the container", lambda: container.remove(v=True, force=True))
