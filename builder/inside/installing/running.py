"""An installation as it runs in the live system, however it was asked for: its places and its end.

The live system has mounted the places (`builder/inside/files/enter-installer`).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from builder.basics.errors import BuilderError, UsageError
from builder.formats.answers import Answers, FileSystem
from builder.inside.installing.beside import free_room
from builder.inside.installing.clone import Clone
from builder.inside.installing.defaults import default_file_system
from builder.inside.installing.faults import read_from_medium
from builder.inside.installing.installation import Installation
from builder.inside.installing.machine import Log, Machine
from builder.inside.installing.questions import Choice

LOG: Final = Path("/run/distroclone-install.log")
CLONE: Final = Clone(
    image=Path("/run/live/medium/live/filesystem.squashfs"),
    root=Path("/run/live/rootfs/filesystem.squashfs"),
)
_TARGET: Final = Path("/target")
_MARK: Final = "distroclone-builder install: "  # of the line that machines wait for


def choice(machine: Machine, clone: Clone = CLONE) -> Choice:
    """Return what can be chosen for a clone. Raises UsageError where it cannot be installed."""
    with read_from_medium(clone.image):
        clone.check()
    able = tuple(each for each in FileSystem if _refusal(clone.check_file_system, each) is None)
    usual = default_file_system()
    refusal = _refusal(clone.check_encryption)
    return Choice(
        size=clone.size(machine),
        file_systems=able,
        file_system=usual if usual in able else FileSystem.EXT4,
        no_encryption=None if refusal is None else str(refusal),
        room=lambda disk: free_room(disk, machine),
    )


def install(answers: Answers, machine: Machine, log: Log) -> None:
    """Install as answered, and say so in the last line. Raises any of our errors."""
    installation = Installation(
        clone=CLONE,
        answers=answers,
        file_system=default_file_system(),
        target=_TARGET,
        log=LOG,
    )
    disk = installation.run(machine)
    log.show(f"{_MARK}ok disk={disk.path}")


def show_failure(error: BuilderError, log: Log) -> None:
    """Show what went wrong and what to do, and say the first in the last line."""
    for line in (*error.output, "", str(error), error.advice):
        log.show(line)
    log.show(f"{_MARK}failed {' '.join(str(error).split())}")


def _refusal(check: Callable[..., None], *arguments: object) -> UsageError | None:
    try:
        check(*arguments)
    except UsageError as error:
        return error
    return None
