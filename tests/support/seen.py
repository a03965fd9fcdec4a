"""What the kernel says of a running process: what reached it, not what it was meant to get.

Read from outside, by root, so that nothing has to be run in the container that is looked at.
"""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

# Of the control group that the process sees as its own: the second and the first version.
_LIMITS = ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One process."""

    user: int
    umask: int
    host_name: str
    processors: int
    memory: int | None  # bytes that its control group may use; None: no limit, or none to be seen
    environment: Mapping[str, str]
    mounts: Mapping[str, str]  # the kind of file system, by the place where it is mounted


def seen(process: int) -> Seen:
    """Look at a process, which must not end meanwhile."""
    place = Path("/proc", str(process))
    status = dict(line.split(":\t", 1) for line in (place / "status").read_text().splitlines())
    pairs = (place / "environ").read_bytes().decode("utf-8", "surrogateescape").split("\0")
    asking = ["nsenter", f"--target={process}", "--uts", "uname", "--nodename"]
    named = subprocess.run(asking, check=True, capture_output=True, text=True)
    return Seen(
        user=int(status["Uid"].split()[0]),
        umask=int(status["Umask"], base=8),
        host_name=named.stdout.strip(),
        processors=len(os.sched_getaffinity(process)),
        memory=_memory(place / "root"),
        environment=MappingProxyType(
            dict(pair.split("=", 1) for pair in pairs if "=" in pair),
        ),
        mounts=MappingProxyType(_mounts((place / "mountinfo").read_text("utf-8", "replace"))),
    )


def _memory(root: Path) -> int | None:
    for name in _LIMITS:
        if (root / name).is_file():
            text = (root / name).read_text().strip()
            return None if text == "max" else int(text)
    return None


def _mounts(text: str) -> dict[str, str]:
    """Read mountinfo (proc_pid_mountinfo(5)): the fields after a dash begin with the kind."""
    found = {}
    for line in text.splitlines():
        fields = line.split(" ")
        found[fields[4]] = fields[fields.index("-", 6) + 1]
    return found
