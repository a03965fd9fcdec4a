"""Puts the units of a schedule in their place, and takes them away again."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.errors import HostError, UsageError
from builder.basics.regular import read_whole
from builder.host.backup.schedule import SERVICE, TIMER, Units, scheduled_cache

UNITS: Final = Path("/etc/systemd/system")
_RUNNING: Final = Path("/run/systemd/system")  # is there where systemd is the first process
_PATIENCE: Final = 30.0  # seconds
_LONGEST: Final = 64 << 10  # bytes of a unit
_ROOT: Final = "Give the command as root, e.g. with sudo."


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """The schedule of this machine."""

    units: Units
    cache: Path | None
    next: str  # when the timer elapses, in systemd's words; "" where it does not say


def own_program(name: str = "") -> tuple[str, ...]:
    """Return the absolute path of this program. Raises HostError where it has none."""
    found = shutil.which(name or sys.argv[0])
    if found is None:
        raise HostError(
            "The program {name} is not in a place where systemd could start it",
            hint="Install it (pipx install, or pip install in a virtual environment), and start "
            "it from there.",
            name=name or sys.argv[0],
        )
    return (str(Path(found).absolute()),)


def changeable_by(program: Path) -> Path | None:
    """Return what of a program's path others than root can change, and so become root; or None."""
    for path in (program.resolve(), *program.resolve().parents):
        status = path.stat()
        if status.st_uid != 0 or (status.st_mode & 0o022 and not status.st_mode & stat.S_ISVTX):
            return path
    return None


def check_calendar(calendar: str) -> None:
    """Raise UsageError for what systemd takes for no moment, where it can be asked."""
    done = _asked(["systemd-analyze", "calendar", "--", calendar])
    if done is not None and done.returncode != 0:
        raise UsageError(
            'systemd knows no moment "{calendar}"',
            hint="Use daily, weekly, monthly, or an expression of systemd.time(7), e.g. "
            "'Mon..Fri 19:30'.",
            calendar=calendar[:80],
            output=tuple(done.stderr.splitlines()[-3:]),
        )


def install(units: Units, *, folder: Path = UNITS) -> None:
    """Write the units and start the timer. Raises HostError where that is not possible."""
    _need_root(folder)
    for name, text in ((SERVICE, units.service), (TIMER, units.timer)):
        _write(folder / name, text)
    if folder == UNITS:
        _systemctl("daemon-reload")
        _systemctl("enable", "--now", TIMER)


def remove(*, folder: Path = UNITS) -> bool:
    """Stop the timer and remove the units; false where there were none. Raises HostError."""
    present = [folder / name for name in (TIMER, SERVICE) if os.path.lexists(folder / name)]
    if not present:
        return False
    _need_root(folder)
    if folder == UNITS:
        _systemctl("disable", "--now", TIMER)
    for path in present:
        path.unlink(missing_ok=True)
    if folder == UNITS:
        _systemctl("daemon-reload")
    return True


def installed(*, folder: Path = UNITS) -> Installed | None:
    """Return the schedule of this machine; None without one."""
    try:
        texts = [
            read_whole(folder / name, limit=_LONGEST).decode("utf-8", "replace")
            for name in (TIMER, SERVICE)
        ]
    except OSError:
        return None
    words = ["systemctl", "show", "--property=NextElapseUSecRealtime", "--value", TIMER]
    done = _asked(words) if folder == UNITS else None
    return Installed(
        units=Units(timer=texts[0], service=texts[1]),
        cache=scheduled_cache(texts[1]),
        next=done.stdout.strip() if done is not None and done.returncode == 0 else "",
    )


def _need_root(folder: Path) -> None:
    if not os.access(folder, os.W_OK):
        raise HostError("{folder} cannot be written", hint=_ROOT, folder=folder)


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        draft.replace(path)
    except OSError as error:
        raise HostError(
            "{path} cannot be written: {reason}",
            hint=_ROOT,
            path=path,
            reason=error.strerror or error,
        ) from error


def _systemctl(*words: str) -> None:
    """Run systemctl where systemd runs; in a chroot, the units wait for the next start."""
    if not _RUNNING.is_dir():
        if words[0] == "enable":
            words = ("enable", words[-1])
        elif words[0] == "disable":
            words = ("disable", words[-1])
        else:
            return
    command = ["systemctl", *words]
    done = _asked(command)
    if done is None or done.returncode != 0:
        raise HostError(
            "systemd did not take the schedule",
            hint="Is it the init system of this machine? Without it, start the backup by cron.",
            command=tuple(command),
            output=() if done is None else tuple(done.stderr.splitlines()[-3:]),
        )


def _asked(command: Sequence[str]) -> "subprocess.CompletedProcess[str] | None":
    """Run a tool of systemd; None where it is not there or does not answer."""
    try:
        return subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=_PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
