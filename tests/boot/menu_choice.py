"""Runs inside the boot test's container: chooses an entry of a boot menu, and tells what followed.

    python3 -m tests.boot.menu_choice MACHINE CHOICE

MACHINE is what `tests.boot.machine.asked` makes, CHOICE what `choice` makes. What is printed is
JSON: how watching ended, `lines` of the serial port, `shown` of what was looked for on the screen,
and `failed`, if the keyboard could do no more.
"""

import contextlib
import json
import mmap
import re
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from builder.basics.errors import BuilderError
from builder.inside.boot_test.machine import Ending, watch
from builder.inside.boot_test.screen import Monitor
from builder.inside.boot_test.serial_console import BOOT_SIGNS, Meaning, Sign
from tests.boot.machine import MEMORY, machine_argv, variables_for
from tests.boot.picture import Press, hand, keys_of, order, wait_for_menu, wait_for_rest

_DRIVE: Final = "ide-cd,bus=ide.0"
_TRAY: Final = "tray"
_TRAY_SECONDS: Final = 30
_GONE_SECONDS: Final = 10
_BETWEEN_KEYS: Final = 0.2  # seconds; QEMU holds each for half of that
_BETWEEN_LOOKS: Final = 2.0
_UP: Final = next(sign for sign in BOOT_SIGNS if sign.meaning is Meaning.OK)
_DEAD_ENDS: Final = tuple(sign for sign in BOOT_SIGNS if sign.meaning is not Meaning.OK)
_SETUP_SECONDS: Final = 180
# TianoCore's UiApp, which writes to the serial port as well.
_SETUP: Final = Sign(text="Boot Maintenance Manager", meaning=Meaning.OK)


def choice(
    down: int,
    *,
    typed: Sequence[str] = (),
    until: str = "",
    takes_out: bool = False,
    shows: Sequence[str] = (),
    goes_on: bool = False,
    setup: bool = False,
) -> str:
    """Return the argument for who goes `down` so many entries in the menu and chooses that one.

    Once the live system is up, the medium is taken out if `takes_out`, and the lines `typed` are
    typed, `until` a text is on the serial port. Without lines, the texts in `shows` are waited for
    on the screen; then the machine is switched off unless it `goes_on` until it restarts. With
    `setup`, it is started again after that, and must show the settings of its firmware.
    """
    return json.dumps(
        {
            "down": down,
            "typed": typed,
            "until": until,
            "takes_out": takes_out,
            "shows": shows,
            "goes_on": goes_on,
            "setup": setup,
        }
    )


def on_screen(text: str) -> re.Pattern[bytes]:
    """Return what finds a text in memory where a screen of text is kept.

    There each character has its colours behind it: on the screen of a PC (0xB8000), and in what
    Linux and memtest86+ keep of what they paint themselves. A text that was not written on a screen
    is not found.
    """
    cells = (re.escape(bytes([byte])) + rb"[^\x00]" for byte in text.encode("ascii"))
    return re.compile(b"".join(cells), re.DOTALL)


class Chooser:
    """Who sits in front of the machine: chooses, types, takes out the medium, looks."""

    def __init__(self, wanted: dict[str, Any], monitor: Path, folder: Path) -> None:
        self._wanted = wanted
        self._monitor = monitor
        self._folder = folder
        self._over = threading.Event()
        self.is_up = threading.Event()
        self.shown: list[str] = []

    def note(self, line: str) -> None:
        """Take a line of the serial port."""
        if _UP.text in line:
            self.is_up.set()

    def give_up(self) -> None:
        """Wait for nothing any more: the machine is gone."""
        self._over.set()
        self.is_up.set()

    def work(self) -> None:
        """Do it all; where that cannot be, the machine is switched off.

        A machine that is gone before all is done has told what there is to judge.
        """
        with hand(self._monitor, self._folder / "screen.png") as (machine, press):
            try:
                self._choose(machine, press)
            except (BuilderError, OSError):
                if self._over.wait(_GONE_SECONDS):
                    return
                with contextlib.suppress(BuilderError, OSError):
                    machine.execute("quit")
                raise

    def _choose(self, machine: Monitor, press: Press) -> None:
        wait_for_menu(press)
        for _time in range(self._wanted["down"]):
            press("down")
        order(machine, "sendkey ret")  # no picture: the machine may be gone at once
        if self._wanted["typed"]:
            self.is_up.wait()
            if not self._over.is_set():
                self._type(machine, press)
        elif self._wanted["shows"]:
            self._look(machine)

    def _type(self, machine: Monitor, press: Press) -> None:
        wait_for_rest(press, still=5)
        if self._wanted["takes_out"]:
            _take_out(machine)
        for line in self._wanted["typed"]:
            for key in keys_of(f"{line}\n"):
                order(machine, f"sendkey {key}")
                time.sleep(_BETWEEN_KEYS)

    def _look(self, machine: Monitor) -> None:
        """Look until all is shown; where nothing is, until the machine is gone."""
        missing = {text: on_screen(text) for text in self._wanted["shows"]}
        dump = self._folder / "memory"
        while missing and not self._over.is_set():
            time.sleep(_BETWEEN_LOOKS)
            # In quotes: otherwise the number before it would be divided.
            order(machine, f'pmemsave 0 {MEMORY << 20} "{dump}"')
            with (
                dump.open("rb") as stream,
                mmap.mmap(stream.fileno(), 0, prot=mmap.PROT_READ) as all_,
            ):
                found = [text for text, cells in missing.items() if cells.search(all_)]
            self.shown += found
            missing = {text: cells for text, cells in missing.items() if text not in found}
        if not missing and not self._wanted["goes_on"]:
            machine.execute("quit")


def _take_out(machine: Monitor) -> None:
    """Press the button of the drive, and take out what is in it.

    The system has locked the drive, and opens it when it is asked to. Raises StepError where it
    stays shut.
    """
    machine.execute("blockdev-open-tray", id=_TRAY)
    for _time in range(_TRAY_SECONDS):
        with contextlib.suppress(BuilderError):
            machine.execute("blockdev-remove-medium", id=_TRAY)
            return
        time.sleep(1)
    machine.execute("blockdev-remove-medium", id=_TRAY)


def _signs(wanted: dict[str, Any]) -> tuple[Sign, ...]:
    if wanted["typed"]:
        return (Sign(text=wanted["until"], meaning=Meaning.OK), *_DEAD_ENDS)
    return (_UP, *_DEAD_ENDS)  # it is no live system that was chosen


def main(argument: str, chosen: str) -> None:
    """Boot, choose, watch, print."""
    told, wanted = json.loads(argument), json.loads(chosen)
    lines: list[str] = []
    with (
        variables_for(told) as variables,
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(max_workers=1) as pool,
    ):
        monitor = Path(folder) / "monitor"
        argv = [
            f"{word},id={_TRAY}" if word.startswith(_DRIVE) else word
            for word in machine_argv(told, variables=variables, monitor=monitor)
        ]
        chooser = Chooser(wanted, monitor, Path(folder))
        work = pool.submit(chooser.work)

        def on_line(line: str) -> None:
            lines.append(line)
            chooser.note(line)

        ending = watch(argv, signs=_signs(wanted), limit_seconds=told["seconds"], on_line=on_line)
        chooser.give_up()
        failure = work.exception()
        if wanted["setup"] and ending.exit_code == 0:
            again = _started_again(told, variables, on_line=on_line)
            ending = replace(again, seconds=round(ending.seconds + again.seconds, 1))
    about = {"lines": lines, "shown": chooser.shown, "failed": str(failure or "")}
    json.dump(asdict(ending) | about, sys.stdout)


def _started_again(told: dict[str, Any], variables: Path | None, *, on_line: Any) -> Ending:
    argv = machine_argv(told, variables=variables)
    signs = (_SETUP, _UP, *_DEAD_ENDS)
    return watch(argv, signs=signs, limit_seconds=_SETUP_SECONDS, on_line=on_line)


if __name__ == "__main__":
    main(*sys.argv[1:])
