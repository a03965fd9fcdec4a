"""What the kernel counted for a program and its containers: processors, memory, bytes written.

Read from the control groups (version 1 or 2) and from /proc/PID/io, again and again, because both
end with the container. A process's io counts what it and its ended children gave to filesystems
on disks, when the pages became dirty: it does not depend on what else the machine does, and it
counts what is deleted before it reaches the disk, too.
"""

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from builder.border.labels import LABEL_OWNER, LABEL_ROLE
from builder.host.engine.owner import parse_owner

if TYPE_CHECKING:
    import docker

_CGROUPS: Final = Path("/sys/fs/cgroup")
_INTERVAL: Final = 0.1  # seconds
_UNLIMITED: Final = 1 << 60
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True, kw_only=True)
class ContainerUsage:
    """The latest counts of one container."""

    process: int
    folders: Mapping[str, Path]  # of its control groups, by controller; "" in version 2
    role: str
    processor: float = 0.0
    written: int = 0
    limit: int = 0


@dataclass(slots=True, kw_only=True)
class Usage:
    """Counts of one program, kept up to date while it runs."""

    program: int
    containers: dict[str, ContainerUsage] = field(default_factory=dict)
    memory: int = 0  # the most that all its containers held at once
    written_here: int = 0

    @property
    def processor(self) -> float:
        """Seconds of all processors in containers."""
        return sum(each.processor for each in self.containers.values())

    @property
    def written(self) -> int:
        """Bytes given to disks, by the program and in its containers."""
        return self.written_here + sum(each.written for each in self.containers.values())

    @property
    def limit(self) -> int:
        """What the build container may take; 0 without a limit."""
        return max((each.limit for each in self.containers.values() if each.role == "build"),
                   default=0)  # fmt: skip


@contextlib.contextmanager
def watched(client: "docker.DockerClient", program: int) -> Iterator[Usage]:
    """Count for a running program until the body is left."""
    usage = Usage(program=program)
    ended = threading.Event()
    thread = threading.Thread(target=_watch, args=(client, usage, ended))
    thread.start()
    try:
        yield usage
    finally:
        ended.set()
        thread.join()


def busy() -> float:
    """Return the seconds that all processors worked since the machine started."""
    fields = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle, waiting = fields[3], fields[4]
    return (sum(fields) - idle - waiting) / _TICKS


def read_written(text: str) -> int:
    """Read /proc/PID/io."""
    counts = dict(line.split(": ") for line in text.splitlines())
    return int(counts["write_bytes"])


def read_groups(text: str) -> dict[str, Path]:
    """Read /proc/PID/cgroup: the folder of each controller; version 2 has one, named ""."""
    folders = {}
    for line in text.splitlines():
        _number, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            folders[controller] = Path(path.lstrip("/"))
    return folders


def _watch(client: "docker.DockerClient", usage: Usage, ended: threading.Event) -> None:
    turn = 0
    while not ended.is_set():
        if turn % 3 == 0:
            _find(client, usage)
        turn += 1
        with contextlib.suppress(OSError):
            usage.written_here = read_written(Path(f"/proc/{usage.program}/io").read_text())
        held = sum(_read(container) for container in usage.containers.values())
        usage.memory = max(usage.memory, held)
        ended.wait(_INTERVAL)


def _find(client: "docker.DockerClient", usage: Usage) -> None:
    for each in client.api.containers(filters={"label": LABEL_OWNER}):
        owner = parse_owner(each["Labels"][LABEL_OWNER])
        if each["Id"] in usage.containers or owner is None or owner.process != usage.program:
            continue
        with contextlib.suppress(OSError):  # it has ended by now
            process = client.api.inspect_container(each["Id"])["State"]["Pid"]
            if not process:
                continue
            groups = read_groups(Path(f"/proc/{process}/cgroup").read_text())
            folders = {name: _CGROUPS / name / path for name, path in groups.items()}
            usage.containers[each["Id"]] = ContainerUsage(
                process=process, folders=folders, role=each["Labels"][LABEL_ROLE]
            )


def _read(container: ContainerUsage) -> int:
    """Update the counts, and return the memory that it holds now; nothing once it has ended."""
    try:
        if "memory" in container.folders:
            return _read_version_1(container)
        return _read_version_2(container)
    except OSError:
        return 0


def _read_version_1(container: ContainerUsage) -> int:
    memory = container.folders["memory"]
    nanoseconds = int((container.folders["cpuacct"] / "cpuacct.usage").read_text())
    container.processor = max(container.processor, nanoseconds / 1e9)
    limit = int((memory / "memory.limit_in_bytes").read_text())
    container.limit = limit if limit < _UNLIMITED else 0
    _read_processes(container, (memory / "cgroup.procs").read_text())
    counts = _table((memory / "memory.stat").read_text())
    return counts["total_rss"] + counts.get("total_shmem", 0)


def _read_version_2(container: ContainerUsage) -> int:
    folder = container.folders[""]
    microseconds = _table((folder / "cpu.stat").read_text())["usage_usec"]
    container.processor = max(container.processor, microseconds / 1e6)
    limit = (folder / "memory.max").read_text().strip()
    container.limit = 0 if limit == "max" else int(limit)
    _read_processes(container, (folder / "cgroup.procs").read_text())
    counts = _table((folder / "memory.stat").read_text())
    return counts["anon"] + counts["shmem"]


def _read_processes(container: ContainerUsage, processes: str) -> None:
    written = 0
    for process in processes.split():
        with contextlib.suppress(OSError):  # ended meanwhile, and counted by its parent
            written += read_written(Path(f"/proc/{process}/io").read_text())
    container.written = max(container.written, written)


def _table(text: str) -> dict[str, int]:
    return {name: int(value) for name, value in map(str.split, text.splitlines())}
