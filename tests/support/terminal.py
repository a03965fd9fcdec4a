"""The command on a terminal of its own: what a person would see, and keys that a person types."""

import os
import pty
import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.command_line import COMMAND, PROJECT


class Terminal:
    """A process on a terminal, and all that it wrote so far."""

    def __init__(self, process: int, descriptor: int) -> None:
        self.process = process
        self.shown = ""
        self._descriptor = descriptor

    def wait_for(self, words: str, *, seconds: float = 240) -> None:
        """Read until the words were written."""
        deadline = time.monotonic() + seconds
        while words not in self.shown:
            assert time.monotonic() < deadline, f"it takes too long: {self.shown[-2000:]}"
            assert self._read(), f"it ended without {words!r}: {self.shown[-2000:]}"

    def type(self, keys: str) -> None:
        """Type something."""
        os.write(self._descriptor, keys.encode())

    def end(self, *, seconds: float = 240) -> int:
        """Read to the end and return the exit code."""
        deadline = time.monotonic() + seconds
        while self._read():
            assert time.monotonic() < deadline, f"it takes too long: {self.shown[-2000:]}"
        _process, status = os.waitpid(self.process, 0)
        self.process = 0
        return os.waitstatus_to_exitcode(status)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._descriptor], [], [], 1)
        if not ready:
            return True
        try:
            piece = os.read(self._descriptor, 65536)
        except OSError:  # Linux's word for a terminal that nobody has open any more
            return False
        self.shown += piece.decode("utf-8", "replace")
        return bool(piece)


@contextmanager
def on_terminal(*words: object) -> Iterator[Terminal]:
    """Start the command on a terminal; what still runs when the body is left is ended."""
    process, descriptor = pty.fork()
    if process == 0:
        os.chdir(PROJECT)
        os.execv(COMMAND[0], [*COMMAND, *map(str, words)])  # noqa: S606 - no shell is wanted
    terminal = Terminal(process, descriptor)
    try:
        yield terminal
    finally:
        if terminal.process:
            os.kill(terminal.process, signal.SIGTERM)
            terminal.end()
        os.close(descriptor)
