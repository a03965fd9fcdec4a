"""Starts the installer in its own root, where the live system has mounted what it needs.

The exit code tells the live system what to do next (`builder/inside/files/install`).
"""

import sys
import traceback
from pathlib import Path
from typing import Final

from builder.basics.errors import BuilderError, DefectError
from builder.basics.texts import say
from builder.formats.answers import Afterwards, Answers, read_answers
from builder.inside.installing.clone import Clone
from builder.inside.installing.disks import find_disks
from builder.inside.installing.installation import Installation
from builder.inside.installing.machine import Log, RealMachine, show_everywhere
from builder.inside.installing.questions import Terminal, ask_answers
from builder.inside.installing.sticks import find_answers
from builder.inside.installing.volumes import needed_size

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
        installation = Installation(clone=_CLONE, answers=answers, target=_TARGET, log=LOG)
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
    needed = needed_size(_CLONE.size(machine))
    return ask_answers(terminal, find_disks(machine), needed=needed, check=_CLONE.check_name)


def _fail(error: BuilderError, log: Log) -> int:
    for line in (*error.output, "", str(error), error.advice):
        log.show(line)
    log.show(f"{_MARK}failed {' '.join(str(error).split())}")
    return _FAILED


if __name__ == "__main__":
    sys.exit(main())
