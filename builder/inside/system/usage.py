"""What a tool takes from the machine, as the kernel counts it: proc(5), and the control group.

The limits of a user (`RLIMIT_NPROC`) do not hold for root, and a container cannot make groups of
its own; so a tool's processes are counted from outside.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# How often the kernel ended a process because the container's memory was used up.
_MEMORY_EVENTS: Final = (
    Path("/sys/fs/cgroup/memory.events"),  # version 2
    Path("/sys/fs/cgroup/memory/memory.oom_control"),  # version 1
)
_PARENT, _THREADS = 1, 17  # fields of /proc/PID/stat behind the name
_GONE: Final = (FileNotFoundError, ProcessLookupError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A running process."""

    parent: int
    threads: int


def descendants(ancestor: int) -> Mapping[int, Process]:
    """Return all processes that descend from `ancestor`, without itself."""
    everybody = dict(_processes())
    found: dict[int, Process] = {}
    above = {ancestor}
    while above:
        below = {
            number: each
            for number, each in everybody.items()
            if each.parent in above and number not in found
        }
        found |= below
        above = set(below)
    return found


def written_by(processes: Mapping[int, Process]) -> int:
    """Return how many bytes they, and children that they waited for, had written to disks.

    What is in memory alone does not count. 0 where the kernel does not tell.
    """
    return sum(_written(number) for number in processes)


def kills_for_memory() -> int:
    """Return how many processes of this container ended for lack of memory, so far as is known."""
    for path in _MEMORY_EVENTS:
        with suppress(OSError):
            for line in path.read_text("ascii").splitlines():
                name, _, count = line.partition(" ")
                if name == "oom_kill":
                    return int(count)
    return 0


def _processes() -> Iterator[tuple[int, Process]]:
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            with suppress(*_GONE):
                fields = Path(f"/proc/{name}/stat").read_bytes().rpartition(b")")[2].split()
                yield int(name), Process(parent=int(fields[_PARENT]), threads=int(fields[_THREADS]))


def _written(number: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{number}/io").read_text("ascii").splitlines():
            name, _, count = line.partition(": ")
            if name == "write_bytes":
                return int(count)
    return 0
