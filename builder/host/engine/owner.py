"""Who owns what the engine keeps for a run: the machine, its boot, and the process.

A later run reads it back to tell what a crash left from what is still being worked on. Several
machines may use one engine, and they may have the same name.
"""

import hashlib
import hmac
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.border.labels import LABEL_OWNER, LABEL_ROLE, LABEL_RUN

# With our own id as the message, as sd_id128_get_machine_app_specific(3) has it: machine-id(5) asks
# not to publish the id itself.
_APPLICATION: Final = bytes.fromhex("6f1d9c0b6a5e4b2f9d3c7e8a1b4f5260")
_MACHINE_ID: Final = Path("/etc/machine-id")
_NEW: Final = re.compile(
    r"id:(?P<machine>[0-9a-f]{32})?/(?P<boot>[^/]+)/(?P<namespace>[0-9]{1,20})"
    r"/(?P<process>[0-9]{1,10})/(?P<started>[0-9]{1,20})"
)
_OLD: Final = re.compile(
    r"(?P<machine>.*)/(?P<boot>[^/]*)/(?P<process>[0-9]{1,10})/(?P<started>[0-9]{1,20})", re.DOTALL
)
_FIRST_NAMESPACE: Final = 0xEFFFFFFC  # the inode of a machine's own PIDs (linux/proc_ns.h)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A process of some machine, told apart from a later one with the same number."""

    machine: str  # made from its id, "" where there is none; the host name where namespace is None
    boot: str  # random, so that it tells machines apart too
    namespace: int | None  # the inode of its PIDs; None: not said, as in the first labels
    process: int
    started: int  # clock ticks since boot; /proc/PID/stat, field 22

    def __str__(self) -> str:
        """Return the label."""
        if self.namespace is None:
            return f"{self.machine}/{self.boot}/{self.process}/{self.started}"
        return f"id:{self.machine}/{self.boot}/{self.namespace}/{self.process}/{self.started}"

    def is_gone(self) -> bool:
        """Whether the owner has certainly ended; false where that cannot be known from here."""
        here = ourselves()
        if self.boot != here.boot:
            return self._is_of_an_earlier_boot(here)
        if self.namespace is None:
            comparable = self.machine == socket.gethostname()
        else:
            comparable = self.namespace == here.namespace
        return comparable and _has_ended(self.process, self.started)

    def _is_of_an_earlier_boot(self, here: "Owner") -> bool:
        """Whether this ran on our machine. A container's id may be that of its image."""
        own = {self.namespace, here.namespace} == {_FIRST_NAMESPACE}
        return own and self.machine != "" and self.machine == here.machine


def ourselves() -> Owner:
    """Return this process as an owner."""
    process = os.getpid()
    return Owner(
        machine=_machine(),
        boot=Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        namespace=Path("/proc/self/ns/pid").stat().st_ino,
        process=process,
        started=_started(process) or 0,
    )


def parse_owner(text: str) -> Owner | None:
    """Read the label back; None for a text that is none."""
    found = _NEW.fullmatch(text) or (None if text.startswith("id:") else _OLD.fullmatch(text))
    if found is None:
        return None
    fields = found.groupdict()
    namespace = fields.get("namespace")
    return Owner(
        machine=fields["machine"] or "",
        boot=fields["boot"],
        namespace=None if namespace is None else int(namespace),
        process=int(fields["process"]),
        started=int(fields["started"]),
    )


def labels(run: str, role: str) -> dict[str, str]:
    """Return the labels for something that this process makes for a run."""
    return {LABEL_RUN: run, LABEL_ROLE: role, LABEL_OWNER: str(ourselves())}


def _machine() -> str:
    """Return what tells this machine from others without giving its id away; "" without one."""
    try:
        raw = bytes.fromhex(_MACHINE_ID.read_text("ascii").strip())
    except (OSError, ValueError):  # none, or "uninitialized"
        return ""
    if len(raw) != 16 or not any(raw):
        return ""
    made = bytearray(hmac.digest(raw, _APPLICATION, hashlib.sha256)[:16])
    made[6] = made[6] & 0x0F | 0x40  # a UUID of version 4, as systemd makes it
    made[8] = made[8] & 0x3F | 0x80
    return made.hex()


def _has_ended(process: int, started: int) -> bool:
    if (found := _started(process)) is not None:
        return found != started
    try:
        os.kill(process, 0)  # only asks: /proc may hide the processes of others (hidepid)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return _is_zombie(process)


def _is_zombie(process: int) -> bool:
    """Whether it has ended, and its parent has only not asked yet."""
    fields = _fields(process)
    return bool(fields) and fields[0] in "ZX"


def _started(process: int) -> int | None:
    fields = _fields(process)
    return int(fields[19]) if fields and fields[0] not in "ZX" else None


def _fields(process: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third one on; none where it cannot be read."""
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()
