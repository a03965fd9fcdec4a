"""What is on the screen of a test machine, asked for over QEMU's machine protocol (QMP)."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

from builder.basics.errors import StepError

_PAUSE_SECONDS: Final = 4.0  # without KVM, a desktop paints for a while after its session began
_MOST_PICTURES: Final = 10  # where something blinks, it never stays the same
_MOST_WAITING: Final = 45  # three minutes; then it is what there is
# Of a picture in one colour, with a pointer at most, zlib makes less than this share of its bytes.
_BLANK: Final = 0.003
_ANSWER_SECONDS: Final = 60.0


def save_screen(
    monitor: Path,
    target: Path,
    *,
    pause: float = _PAUSE_SECONDS,
    most: int = _MOST_PICTURES,
    most_waiting: int = _MOST_WAITING,
) -> None:
    """Write the screen as a PNG once it stays the same for `pause` seconds, or `most` were taken.

    While nothing is painted, or what the boot left is still there, up to `most_waiting` are taken
    besides. Raises StepError when QEMU does not give it.
    """
    first, before, taken, waited = b"", b"", 0, 0
    with asked(monitor) as ask:
        while taken < most and waited < most_waiting:
            ask.execute("screendump", filename=str(target), format="png")
            picture = target.read_bytes()
            first = first or picture
            if picture == first or is_blank(picture):
                waited += 1
            elif picture == before:
                return
            else:
                before = picture
                taken += 1
            time.sleep(pause)


def is_blank(picture: bytes) -> bool:
    """Whether a PNG shows nothing: W3C's PNG specification, 5.3 and 11.2.

    Raises ValueError for what is no PNG.
    """
    if not picture.startswith(b"\x89PNG\r\n\x1a\n"):
        message = "it is no PNG"
        raise ValueError(message)
    width, height = (int.from_bytes(picture[at : at + 4]) for at in (16, 20))
    compressed, at = 0, 8
    while at + 8 <= len(picture):
        length = int.from_bytes(picture[at : at + 4])
        if picture[at + 4 : at + 8] == b"IDAT":
            compressed += length
        at += 12 + length
    return compressed < _BLANK * width * height * 3


class Monitor:
    """A conversation with QEMU: one order at a time."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def execute(self, order: str, **arguments: str) -> None:
        """Give an order and wait until it was carried out."""
        self._stream.write(json.dumps({"execute": order, "arguments": arguments}) + "\n")
        self._stream.flush()
        for line in self._stream:
            answer: dict[str, Any] = json.loads(line)
            if "error" in answer:
                raise _refused(str(answer["error"].get("desc", "")))
            if "return" in answer:
                return
        raise _refused("it ended")


@contextlib.contextmanager
def asked(monitor: Path) -> Iterator[Monitor]:
    """Have a conversation with the QEMU on this socket. Raises StepError where it gives none."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_ANSWER_SECONDS)
            connection.connect(str(monitor))
            with connection.makefile("rw", encoding="utf-8") as stream:
                opened = Monitor(stream)
                opened.execute("qmp_capabilities")  # its greeting, too, is no answer
                yield opened
    except (OSError, ValueError) as error:
        raise _refused(str(error)) from error


def _refused(reason: str) -> StepError:
    return StepError("QEMU gave no picture of the screen: {reason}", reason=reason)
