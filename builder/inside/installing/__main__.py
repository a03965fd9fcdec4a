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
from builder.inside.installing.disks import find_disks
from builder.inside.installing.machine import Log, RealMachine, show_everywhere
from builder.inside.installing.questions import Terminal, ask_answers
from builder.inside.installing.running import CLONE, LOG, choice, install, show_failure
from builder.inside.installing.sticks import find_answers

_CODES: Final = {Afterwards.POWEROFF: 0, Afterwards.REBOOT: 10}
_FAILED: Final = 1
_STICK: Final = Path("/stick")


def main() -> int:
    """Install, and return the exit code."""
    log = Log(LOG, show_everywhere)
    machine = RealMachine(log)
    terminal = Terminal()
    try:
        content = find_answers(_STICK, machine)
        answers = _asked(terminal, machine) if content is None else read_answers(content)
        install(answers, machine, log)
    except BuilderError as error:
        show_failure(error, log)
        return _FAILED
    except Exception as error:  # noqa: BLE001 - the last door: whatever it is, people are told
        log.add(traceback.format_exc())
        show_failure(DefectError.of(error), log)
        return _FAILED
    if content is None:
        terminal.ask(say("The system is installed. Take out the medium, then press Enter:"))
    return _CODES[answers.afterwards]


def _asked(terminal: Terminal, machine: RealMachine) -> Answers:
    able = choice(machine)
    return ask_answers(terminal, find_disks(machine), able, check=CLONE.check_name)


if __name__ == "__main__":
    sys.exit(main())
