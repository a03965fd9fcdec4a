"""Turns termination signals into one exception, on the host and in the container alike.

It can be raised between any two instructions. So critical sections hold signals back until they are
done: creating something together with registering its cleanup, and the cleanup itself.
"""

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final

from builder.basics.errors import BuilderError, Interrupted
from builder.basics.texts import say

_WANTED: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class _Gate:
    """Delivers a signal at once, or holds it back while a critical section runs."""

    def __init__(self) -> None:
        self.holders = 0
        self.waiting: int | None = None

    def arrived(self, number: int, _frame: FrameType | None) -> None:
        if self.holders:
            self.waiting = number
        else:
            self.let_in(number)

    def let_in(self, number: int) -> None:
        for each in _WANTED:
            signal.signal(each, signal.SIG_IGN)
        self.waiting = None
        raise Interrupted("Interrupted by {signal}", signal=signal.Signals(number).name)


_gate: Final = _Gate()


@contextlib.contextmanager
def interruptible(*, to_the_end: bool = False) -> Iterator[None]:
    """Turn SIGTERM, SIGINT and SIGHUP into one `Interrupted`; later ones are ignored.

    A SIGHUP that is already ignored, as under nohup, stays ignored. With `to_the_end` the program
    ends after the body: no signal may change its exit code any more.
    """
    before = {each: signal.signal(each, _gate.arrived) for each in _WANTED}
    if before[signal.SIGHUP] is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, signal.SIG_IGN if to_the_end else handler)


@contextlib.contextmanager
def held(*, forget: bool = False) -> Iterator[None]:
    """Hold back a signal that arrives in the body; at its end it raises `Interrupted`.

    With `forget` the signal is dropped: the program is already failing with another error.
    """
    _gate.holders += 1
    try:
        yield
    finally:
        _gate.holders -= 1
        if forget:
            _gate.waiting = None
        elif _gate.waiting is not None and not _gate.holders:
            _gate.let_in(_gate.waiting)


@contextlib.contextmanager
def undoing(undo: Callable[[], object]) -> Iterator[None]:
    """Call `undo`, with signals held back, after the body, except after an error that `keeps`.

    If both fail, the body's error is raised, with a note about the failed cleanup.
    """
    try:
        yield
    except BaseException as first:
        if isinstance(first, BuilderError) and first.keeps:
            raise
        with held(forget=True):
            try:
                undo()
            except BuilderError as second:
                first.add_note(say("Cleanup failed: {reason}", reason=second))
        raise
    with held():
        undo()
