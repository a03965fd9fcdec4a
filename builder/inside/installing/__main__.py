"""Starts the installer in its own root, where the live system has mounted what it needs.

The exit code tells the live system what to do next (`builder/inside/files/install`).
"""

import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final

from builder.basics.errors import BuilderError, DefectError, UsageError
from builder.basics.texts import say
from builder.formats.answers import Afterwards, Answers, FileSystem, read_answers
from builder.inside.installing.clone import Clone
from builder.inside.installing.defaults import default_file_system
from builder.inside.installing.disks import find_disks
from builder.inside.installing.installation import Installation
from builder.inside.installing.machine import Log, RealMachine, show_everywhere
from builder.inside.installing.questions import Choice, Terminal, ask_answers
from builder.inside.installing.sticks import find_answers

LOG: Final = Path("/run/distroclone-install.log")
_CLONE: Final = Clone(
    image=Path("/run/live/medium/live/filesystem.squashfs"),
    root=Path("/run/live/rootfs/filesystem.squashfs"),
)
_TARGET: Final = Path("/target")
_STICK: Final = Path("/stick")
_MARK: Final = "distroclone-builder install: "  # of the line that machines wait for
_CODES: Final = {Afterwards.POWEROFF: 0, Afterwards.REBOOT: 10}
_FAILED: Final = 1


def main() -> int:
    """Install, and return the exit code."""
    log = Log(LOG, show_everywhere)
    machine = RealMachine(log)
    terminal = Terminal()
    try:
        content = find_answers(_STICK, machine)
        answers = _asked(terminal, machine) if content is None else read_answers(content)
        installation = Installation(
            clone=_CLONE,
            answers=answers,
            file_system=default_file_system(),
            target=_TARGET,
            log=LOG,
        )
        disk = installation.run(machine)
    except BuilderError as error:
        return _fail(error, log)
    except Exception as error:  # noqa: BLE001 - the last door: whatever it is, people are told
        log.add(traceback.format_exc())
        return _fail(DefectError.of(error), log)
    log.show(f"{_MARK}ok disk={disk.path}")
    if content is None:
        terminal.ask(say("The system is installed. Take out the medium, then press Enter:"))
    return _CODES[answers.afterwards]


def _asked(terminal: Terminal, machine: RealMachine) -> Answers:
    _CLONE.check()
    return ask_answers(
        terminal, find_disks(machine), _choice(machine), check=_CLONE.check_name
    )  # fmt: skip


def _choice(machine: RealMachine) -> Choice:
    able = tuple(each for each in FileSystem if _refusal(_CLONE.check_file_system, each) is None)
    usual = default_file_system()
    refusal = _refusal(_CLONE.check_encryption)
    return Choice(
        size=_CLONE.size(machine),
        file_systems=able,
        file_system=usual if usual in able else FileSystem.EXT4,
        no_encryption=None if refusal is None else str(refusal),
    )


def _refusal(check: Callable[..., None], *arguments: object) -> UsageError | None:
    try:
        check(*arguments)
    except UsageError as error:
        return error
    return None


def _fail(error: BuilderError, log: Log) -> int:
    for line in (*error.output, "", str(error), error.advice):
        log.show(line)
    log.show(f"{_MARK}failed {' '.join(str(error).split())}")
    return _FAILED


if __name__ == "__main__":
    sys.exit(main())
