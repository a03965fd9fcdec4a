"""Runs inside the boot test's container: takes a picture of a machine's boot menu.

    python3 -m tests.starts.inside.menu_picture MACHINE PICTURE

A key that does nothing in the menu's last line is pressed until the menu must be there; it also
stops the clock. Then the first entry is chosen again.
"""

import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from builder.inside.boot_test.machine import watch
from builder.inside.boot_test.screen import asked
from tests.boot.machine import RESULTS, machine_argv, variables_for

_PRESSES: Final = 25  # one each second; without KVM, menus are there after less than 15
_ORDER: Final = "human-monitor-command"


def main(argument: str, picture: str) -> None:
    """Start the machine and take the picture."""
    told = json.loads(argument)
    with variables_for(told) as variables, tempfile.TemporaryDirectory() as folder:
        monitor = Path(folder) / "monitor"
        argv = machine_argv(told, variables=variables, monitor=monitor)
        hand = threading.Thread(target=_press, args=(monitor, RESULTS / picture))
        hand.start()
        watch(argv, signs=(), limit_seconds=_PRESSES + 15, on_line=lambda _line: None)
        hand.join()


def _press(monitor: Path, picture: Path) -> None:
    while not monitor.exists():
        time.sleep(0.1)
    time.sleep(1)
    with asked(monitor) as machine:
        for key in [*["down"] * _PRESSES, "home"]:
            machine.execute(_ORDER, **{"command-line": f"sendkey {key}"})
            time.sleep(1)
        machine.execute("screendump", filename=str(picture), format="png")


if __name__ == "__main__":
    main(*sys.argv[1:])
