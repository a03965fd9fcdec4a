"""Who owns what the engine keeps for a run: the machine, its boot, and the process.

A later run reads it back to tell what a crash left from what is still being worked on.
"""

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from builder.border.labels import LABEL_OWNER, LABEL_ROLE, LABEL_RUN


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A process of some machine, told apart from a later one with the same number."""

    machine: str
    boot: str
    process: int
    started: int  # clock ticks since boot; /proc/PID/stat, field 22

    def __str__(self) -> str:
        return f"{self.machine}/{self.boot}/{self.process}/{self.started}"

    def is_gone(self) -> bool:
        """Whether the owner has certainly ended; never true for one on another machine."""
        here = ourselves()
        if self.machine != here.machine:
            return False
        return self.boot != here.boot or _started(self.process) != self.started


def ourselves() -> Owner:
    """Return this process as an owner."""
    process = os.getpid()
    return Owner(
        machine=socket.gethostname(),
        boot=Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        process=process,
        started=_started(process) or 0,
    )


def parse_owner(text: str) -> Owner | None:
    """Read the label back; None for a text that is none."""
    parts = text.rsplit("/", 3)
    try:
        machine, boot, process, started = parts
        return Owner(machine=machine, boot=boot, process=int(process), started=int(started))
    except ValueError:
        return None


def labels(run: str, role: str) -> dict[str, str]:
    """Return the labels for something that this process makes for a run."""
    return {LABEL_RUN: run, LABEL_ROLE: role, LABEL_OWNER: str(ourselves())}


def _started(process: int) -> int | None:
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    if fields[0] in "ZX":  # ended; its parent has only not asked yet
        return None
    return int(fields[19])
