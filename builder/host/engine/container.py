"""One job in one container: created, checked, started, listened to, and always removed."""

import contextlib
import functools
import json
import tarfile
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic

import docker.errors
from docker.types import LogConfig, Mount

from builder.basics.codec import from_data, to_data
from builder.basics.errors import (
    LAST_LINES,
    BuilderError,
    HostError,
    Interrupted,
    StepError,
    error_from_data,
)
from builder.basics.signals import held, undoing
from builder.basics.sizes import readable_size
from builder.border import paths
from builder.border.events import Failed, Held, OnEvent, Result, ToolOutput
from builder.border.jobs import Job, Request
from builder.border.jobs import Result as JobResult
from builder.border.plan import Isolation
from builder.host.engine import podman
from builder.host.engine.faults import patiently, translated
from builder.host.engine.following import Again, Followed, Line, kept_log
from builder.host.engine.owner import labels
from builder.host.engine.protocol import HeldError, Product
from builder.host.engine.spec import NO_LABEL, Bind, ContainerSpec, NamedVolume
from builder.host.engine.streams import Frame, frames
from builder.host.engine.watchdog import Watchdog

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

CreateContainer = Callable[..., "Container"]  # takes what the SDK's `containers.create` takes

_GRACE_SECONDS: Final = 20
_LOOP_MAJOR: Final = 7
# All that is printed can be read again, whatever the engine's settings say of the logs of others.
# "compress", if they have it, wants two files; a job may print much less than one holds.
_WHOLE_LOG: Final = LogConfig(
    type=LogConfig.types.JSON, config={"max-size": "4g", "max-file": "2", "mode": "blocking"}
)


class DockerJob(Generic[JobResult]):
    """Implements `RunningJob`."""

    def __init__(
        self,
        container: "Container",
        first: Iterator[Frame] | None,
        job: Job[Any, JobResult],
        *,
        line: Line,
        again: Again | None = None,
    ) -> None:
        self._container = container
        self._job = job
        self._line = line
        again = again or functools.partial(kept_log, container)
        self._followed = Followed(first, again, job=job, line=line)
        self._watchdog = Watchdog(job.limits, kill=self._kill)

    @property
    def id(self) -> str:
        """The container's id."""
        return str(self._container.id)

    def finish(self, on_event: OnEvent) -> JobResult:
        """See `RunningJob.finish`."""
        verdict: Result | Failed | None = None
        last = deque[str](maxlen=LAST_LINES)
        with self._watchdog as watchdog:
            for event in self._followed.events(on_event):
                watchdog.heard()
                if isinstance(event, Result | Failed):
                    verdict = event
                else:
                    on_event(event)
                    if isinstance(event, ToolOutput):
                        last.append(event.text)
                    elif isinstance(event, Held):
                        raise HeldError(event, container=self.id)
            code = self._line.held(self._exit_code, on_event)
        match verdict:
            case Failed(error=error):
                raise _told(error_from_data(error), output=tuple(last))
            case Result(data=data) if code == 0:
                return self._decoded(data)
            case _:
                raise self._lost(code, output=tuple(last))

    def _decoded(self, data: object) -> JobResult:
        try:
            return from_data(self._job.result, data)
        except ValueError as error:
            raise StepError(
                "The {job} container returned an unreadable result: {reason}",
                hint="The builder image may be of another version: `distroclone-builder image "
                "build --fresh` makes it anew.",
                job=self._job.name,
                reason=error,
            ) from error

    def _kill(self) -> None:
        with contextlib.suppress(Exception):  # it may just have ended
            self._container.kill()

    def _exit_code(self) -> int | None:
        """Wait for the end; None when somebody removed the container meanwhile."""
        with translated("waiting for the container"):
            try:
                return int(self._container.wait()["StatusCode"])
            except docker.errors.NotFound:
                return None

    def fetch(self, path: Path) -> Iterator[bytes]:
        """See `RunningJob.fetch`."""
        with translated("fetching the result"):
            chunks, _stat = self._container.get_archive(str(path), chunk_size=4 * 1024 * 1024)
            yield from chunks

    def persist(self, call: Callable[[], None], on_event: OnEvent) -> None:
        """See `RunningJob.persist`."""
        self._line.held(call, on_event)

    def _lost(self, code: int | None, *, output: tuple[str, ...]) -> BuilderError:
        with translated("looking at the ended container"):
            try:
                self._container.reload()
            except docker.errors.NotFound:
                code = None
            killed_for_memory = bool(self._container.attrs["State"].get("OOMKilled"))
        if code is None:
            return StepError(
                "The container was removed while it was running",
                hint="Something else removed it (`docker rm`, a clean-up job?). Build again.",
                output=output,
            )
        if self._watchdog.quiet:
            return StepError(
                "The {job} container was stopped: it said nothing for {hours} hours",
                hint="It hangs, or the machine is overloaded. The log shows what it did last.",
                output=output,
                job=self._job.name,
                hours=f"{self._job.limits.quiet / 3600:g}",
            )
        if self._watchdog.overdue:
            return StepError(
                "The {job} container was stopped: it did not finish within {hours} hours",
                hint="Check the load and the disks of the engine's machine.",
                output=output,
                job=self._job.name,
                hours=f"{self._job.limits.seconds / 3600:g}",
            )
        if killed_for_memory:
            return StepError(
                "The container ran out of memory",
                hint="Its limit is {memory}, which has always been enough so far: please report "
                "this with the log. For a build, `--compression fast` needs less.",
                output=output,
                memory=readable_size(self._job.limits.memory),
            )
        return StepError(
            "The container ended without a result (exit code {code})",
            hint="It was killed, or the engine stopped: see the engine's log (`journalctl -u "
            "docker`). Exit code 137 is SIGKILL, often for lack of memory. Then build again.",
            output=output,
            code=code,
        )


def creating(client: "DockerClient", product: Product) -> CreateContainer:
    """Return what makes containers in that engine."""
    if product is Product.PODMAN:
        return functools.partial(podman.create, client)
    return client.containers.create


@contextlib.contextmanager
def created(
    create: CreateContainer,
    spec: ContainerSpec[Any, Any],
    *,
    security_options: list[str],
    root: str,
) -> Iterator["Container"]:
    """Create the job's container, and see that it is what was asked for; remove it always.

    `root` is where the engine keeps its data.
    """
    with contextlib.ExitStack() as undo:
        with held(), translated(f"creating the {spec.job.name} container"):
            container = create(
                spec.image,
                [spec.job.name],
                **container_options(spec, security_options=security_options, root=root),
            )
            undo.enter_context(undoing(lambda: _remove(container)))
        _check_mounts(container, spec)
        yield container


@contextlib.contextmanager
def job_started(
    create: CreateContainer,
    spec: ContainerSpec[Request, JobResult],
    *,
    security_options: list[str],
    root: str,
    line: Line,
) -> Iterator[DockerJob[JobResult]]:
    """Start the job; stop it if it still runs when the body is left, and remove it always."""
    with contextlib.ExitStack() as undo:
        container = undo.enter_context(
            created(create, spec, security_options=security_options, root=root)
        )
        with translated(f"starting the {spec.job.name} container"):
            container.put_archive("/", _request_archive(spec.request))
            stream: Any = container.attach(stream=True, logs=True, demux=True)
            undo.callback(_close, stream)
            container.start()
        yield DockerJob(container, frames(stream._response), spec.job, line=line)


def container_options(
    spec: ContainerSpec[Request, JobResult], *, security_options: list[str], root: str = ""
) -> dict[str, Any]:
    """Return what the engine is asked for: the SDK's options of a container.

    `root` is where it keeps its data.
    """
    job = spec.job
    mounts = [_bind(bind, root) for bind in spec.binds]
    mounts += [
        Mount(str(volume.target), volume.name, type="volume", read_only=volume.read_only)
        for volume in spec.volumes
    ]
    privileged = spec.isolation is Isolation.PRIVILEGED
    options: dict[str, Any] = {
        "mounts": mounts,
        "labels": labels(spec.run, job.name) | dict(spec.marks),
        "log_config": _WHOLE_LOG,
        "hostname": "distroclone-builder",
        "privileged": privileged,
        "security_opt": [NO_LABEL],
        # Where the engine maps its containers' users (`userns-remap`), files of others would belong
        # to nobody inside, and devices and mounts be forbidden.
        "userns_mode": "host",
        "network_disabled": not job.network,
        # An engine that cannot limit one of them says so and goes on.
        "mem_limit": job.limits.memory,
        "memswap_limit": job.limits.memory,
        "pids_limit": job.limits.processes,
        "cpu_shares": job.limits.processor,
    }
    if not job.network:
        options["network_mode"] = "none"
    devices = [f"{device}:{device}:rwm" for device in spec.devices]
    if not privileged:
        options["cap_drop"] = ["ALL"]
        options["cap_add"] = list(job.capabilities)
        options["security_opt"] = ["no-new-privileges", NO_LABEL, *security_options]
    if job.loop_devices:
        devices.append("/dev/loop-control:/dev/loop-control:rwm")
        options["device_cgroup_rules"] = [f"b {_LOOP_MAJOR}:* rmw"]
    return options | {"devices": devices}


def _bind(bind: Bind, root: str) -> Mount:
    if not bind.alone:
        return Mount(
            str(bind.target),
            bind.source,
            type="bind",
            read_only=bind.read_only,
            propagation=_propagation(bind.source, root),
        )
    # Without a word about propagation: Docker refuses a private mount of what its own data is in.
    mount = Mount(str(bind.target), bind.source, type="bind", read_only=bind.read_only)
    mount["BindOptions"] = {"NonRecursive": True}
    return mount


def _propagation(source: str, root: str) -> str:
    """Return how mounts reach a bind; Docker wants to unmount what is in its own data."""
    return "rslave" if root and Path(source).is_relative_to(root) else "rprivate"


def _told(error: BuilderError, *, output: tuple[str, ...]) -> BuilderError:
    """Return a job's own error. Nobody interrupted us: then it was not we who stopped it."""
    if not isinstance(error, Interrupted):
        return error
    return StepError(
        "The container was stopped or removed while it was running",
        hint="Something else did that (`docker stop`, `docker rm`, a clean-up job?). Build again.",
        output=output,
    )


def _request_archive(request: object) -> bytes:
    text = json.dumps(to_data(request)).encode()
    member = tarfile.TarInfo(paths.REQUEST.name)
    member.size = len(text)
    member.mode = 0o400
    padding = bytes(-len(text) % tarfile.BLOCKSIZE)
    # Ends with the second empty block: Podman's reader goes away there, and for what tarfile adds
    # to fill a record the answer would now and then be "broken pipe".
    return member.tobuf(tarfile.USTAR_FORMAT) + text + padding + bytes(2 * tarfile.BLOCKSIZE)


def _check_mounts(container: "Container", spec: ContainerSpec[Request, JobResult]) -> None:
    """Refuse to start when the engine made a mount writable that must not be."""
    with translated("checking the container's mounts"):
        container.reload()
        found = container.attrs["Mounts"]
        writable = {str(mount["Destination"]): bool(mount["RW"]) for mount in found}
    mounts: tuple[Bind | NamedVolume, ...] = (*spec.binds, *spec.volumes)
    for bind in mounts:
        if writable.get(str(bind.target)) is not (not bind.read_only):
            raise HostError(
                "The engine did not mount {target} as requested; nothing was started",
                hint="Update the engine: Docker 20.10 and later are known to honour read-only "
                "mounts.",
                target=bind.target,
            )


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
