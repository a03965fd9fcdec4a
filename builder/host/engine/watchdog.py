"""Ends a job that takes too long, or says nothing for too long."""

import time
from collections.abc import Callable
from threading import Event, Thread
from types import TracebackType
from typing import Final, Self

from builder.border.jobs import Limits

_LONGEST_NAP: Final = 60.0  # seconds


class Watchdog:
    """Calls `kill` when the time of `limits` is over while the body runs, until the body ends.

    One call may be lost with the line to the engine. Then it is `overdue`, and `quiet` if it was
    the limit of silence.
    """

    def __init__(self, limits: Limits, *, kill: Callable[[], None]) -> None:
        self._limits = limits
        self._kill = kill
        self._done = Event()
        self._heard = self._began = time.monotonic()
        self.overdue = False
        self.quiet = False

    def heard(self) -> None:
        """Note that the job said something."""
        self._heard = time.monotonic()

    def __enter__(self) -> Self:
        """Begin to watch."""
        Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop watching."""
        self._done.set()

    def _watch(self) -> None:
        while True:
            now = time.monotonic()
            left = self._began + self._limits.seconds - now
            silence = self._heard + self._limits.quiet - now
            if min(left, silence) <= 0:
                break
            if self._done.wait(min(left, silence, _LONGEST_NAP)):
                return
        self.overdue, self.quiet = True, left > 0
        self._kill()
        while not self._done.wait(_LONGEST_NAP):
            self._kill()
