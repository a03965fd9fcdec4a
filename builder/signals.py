"""Signals that ask us to end become one exception, on the host and in the container alike."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from builder.errors import Interrupted


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Turn SIGTERM, SIGINT and SIGHUP into one `Interrupted`; later ones are ignored."""
    wanted = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

    def interrupt(number: int, _frame: FrameType | None) -> None:
        for each in wanted:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted("Interrupted by {signal}", signal=signal.Signals(number).name)

    before = {each: signal.signal(each, interrupt) for each in wanted}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
