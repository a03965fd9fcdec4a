"""Runs inside the boot test's container: takes a picture of a machine's screen.

    python3 -m tests.boot.picture MACHINE FILE WHEN TEXT [KEY…]

Keys are for the machine's boot menu, once it is there. TEXT is typed once the live system has
reported itself, and the picture is taken after that; without any, WHEN says when it is taken.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

from builder.inside.boot_test.machine import watch
from builder.inside.boot_test.screen import Monitor, asked
from builder.inside.boot_test.serial_console import BOOT_SIGNS, Meaning
from tests.boot.machine import RESULTS, machine_argv, variables_for

NOTHING: Final = ""  # instead of a key: time goes by
_PAUSE: Final = 1.0  # seconds; without KVM, a menu needs that to paint
_STILL: Final = 20  # pauses; a firmware shows its mark for less
_BLINKING: Final = 2  # pictures
_SOON: Final = 8  # pauses; GRUB takes its errors away after ten seconds
_LONGEST: Final = 240  # pauses
_KEYS: Final = {
    " ": "spc", "/": "slash", "-": "minus", ".": "dot", "|": "shift-backslash", "\n": "ret",
}  # fmt: skip

Press = Callable[[str], bytes]  # presses a key, and returns the picture a pause later


class When(StrEnum):
    """When the picture is taken."""

    REST = "rest"  # when nothing changes on the screen any more
    SOON = "soon"  # a while after the last key, where something always changes or goes away


def wait_for_menu(press: Press, *, longest: int = _LONGEST) -> None:
    """Press keys until there is a menu, whose first entry is chosen then.

    Only a menu changes with these keys and comes back. They also stop its clock. Raises
    TimeoutError.
    """
    for _time in range(longest):
        first, last, again = (press(key) for key in ("home", "end", "home"))
        if first == again != last:
            return
    message = "there is no menu"
    raise TimeoutError(message)


def wait_for_rest(
    press: Press, *, dark: bytes = b"", still: int = _STILL, longest: int = _LONGEST
) -> None:
    """Wait until anything but `dark` stays for `still` pauses. Raises TimeoutError.

    A cursor may blink, so there may be two pictures in turn.
    """
    shown, same = {press(NOTHING)}, 0
    for _time in range(longest):
        now = press(NOTHING)
        shown, same = (shown | {now}, same + 1) if len(shown | {now}) <= _BLINKING else ({now}, 0)
        same = 0 if now == dark else same
        if same == still:
            return
    message = "the screen goes on changing"
    raise TimeoutError(message)


def keys_of(text: str) -> list[str]:
    """Return the keys that type a text of letters and a few signs, on a keyboard of the US."""
    return [
        f"shift-{character.lower()}" if character.isupper() else _KEYS.get(character, character)
        for character in text
    ]


def order(machine: Monitor, line: str) -> None:
    """Give an order in the words of QEMU's monitor for people."""
    machine.execute("human-monitor-command", **{"command-line": line})


@contextmanager
def hand(monitor: Path, picture: Path) -> Iterator[tuple[Monitor, Press]]:
    """Have a hand that presses keys; what the screen shows is in `picture` then."""
    while not monitor.exists():
        time.sleep(0.1)
    with asked(monitor) as machine:

        def press(key: str) -> bytes:
            if key:
                order(machine, f"sendkey {key}")
            time.sleep(_PAUSE)
            machine.execute("screendump", filename=str(picture), format="png")
            return picture.read_bytes()

        yield machine, press


def _work(monitor: Path, picture: Path, *, when: When, keys: Sequence[str], text: str) -> None:
    goes_on = False
    try:
        with hand(monitor, picture) as (_machine, press):
            dark = press(NOTHING)
            if keys:
                wait_for_menu(press)
            for key in keys:
                press(key)
            if text:
                goes_on = True
            elif when is When.REST:
                wait_for_rest(press, dark=dark)
            else:
                for _time in range(_SOON):
                    press(NOTHING)
    finally:
        if not goes_on:
            with asked(monitor) as machine:
                machine.execute("quit")


def _type(monitor: Path, picture: Path, text: str) -> None:
    with hand(monitor, picture) as (_machine, press):
        wait_for_rest(press, still=5)
        for key in keys_of(text):
            press(key)
        wait_for_rest(press, still=5)


def main(argument: str, name: str, when: str, text: str, *keys: str) -> None:
    """Start the machine and take the picture."""
    told = json.loads(argument)
    picture = RESULTS / name
    with (
        variables_for(told) as variables,
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(max_workers=1) as pool,
    ):
        monitor = Path(folder) / "monitor"
        work = pool.submit(_work, monitor, picture, when=When(when), keys=keys, text=text)
        ending = watch(
            machine_argv(told, variables=variables, monitor=monitor),
            signs=BOOT_SIGNS if text else (),
            limit_seconds=told["seconds"],
            on_line=lambda _line: None,
            on_sighting=lambda _seen: _type(monitor, picture, text),
        )
        work.result()
    if text and (ending.sighting is None or ending.sighting.meaning is not Meaning.OK):
        sys.exit(f"The live system did not come up: {ending.last_lines}")


if __name__ == "__main__":
    main(*sys.argv[1:])
