"""Runs inside the boot test's container: takes a picture of a machine's screen.

    python3 -m tests.starts.inside.picture MACHINE FILE rest|report [KEY…]

Keys are for the machine's boot menu, once it is there. Then the picture is taken when nothing
changes on the screen any more, or when the live system reports itself.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path
from typing import Final

from builder.inside.boot_test.machine import watch
from builder.inside.boot_test.screen import asked, is_blank, save_screen
from builder.inside.boot_test.serial_console import BOOT_SIGNS, Meaning
from tests.boot.machine import RESULTS, machine_argv, variables_for

NOTHING: Final = ""  # instead of a key: time goes by
_PAUSE: Final = 1.0  # seconds; without KVM, a menu needs that to paint
_STILL: Final = 15  # pauses; a firmware shows its mark for less
_LONGEST: Final = 180  # pauses

Press = Callable[[str], bytes]  # presses a key, and returns the picture a pause later


class Then(StrEnum):
    """When the picture is taken."""

    REST = "rest"
    REPORT = "report"


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


def wait_for_rest(press: Press, *, still: int = _STILL, longest: int = _LONGEST) -> None:
    """Wait until something stays on the screen for `still` pauses. Raises TimeoutError."""
    before, same = press(NOTHING), 0
    for _time in range(longest):
        now = press(NOTHING)
        same = same + 1 if now == before and not is_blank(now) else 0
        if same == still:
            return
        before = now
    message = "the screen goes on changing"
    raise TimeoutError(message)


def _work(monitor: Path, picture: Path, *, then: Then, keys: Sequence[str]) -> None:
    while not monitor.exists():
        time.sleep(0.1)
    time.sleep(_PAUSE)
    with asked(monitor) as machine:

        def press(key: str) -> bytes:
            if key:
                order = {"command-line": f"sendkey {key}"}
                machine.execute("human-monitor-command", **order)
            time.sleep(_PAUSE)
            machine.execute("screendump", filename=str(picture), format="png")
            return picture.read_bytes()

        if keys:
            wait_for_menu(press)
        for key in keys:
            press(key)
        if then is Then.REST:
            wait_for_rest(press)
            machine.execute("quit")


def main(argument: str, name: str, then: str, *keys: str) -> None:
    """Start the machine and take the picture."""
    told = json.loads(argument)
    picture = RESULTS / name
    with (
        variables_for(told) as variables,
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(max_workers=1) as pool,
    ):
        monitor = Path(folder) / "monitor"
        work = pool.submit(_work, monitor, picture, then=Then(then), keys=keys)
        ending = watch(
            machine_argv(told, variables=variables, monitor=monitor),
            signs=BOOT_SIGNS if then == Then.REPORT else (),
            limit_seconds=told["seconds"],
            on_line=lambda _line: None,
            on_sighting=lambda _seen: save_screen(monitor, picture, most_waiting=_STILL),
        )
        work.result()
    if then == Then.REPORT and (ending.sighting is None or ending.sighting.meaning != Meaning.OK):
        sys.exit(f"The live system did not come up: {ending.last_lines}")


if __name__ == "__main__":
    main(*sys.argv[1:])
