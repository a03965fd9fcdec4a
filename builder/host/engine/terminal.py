"""A shell in a running container, on the user's own terminal.

The SDK starts the process and hands out its socket; everything about the terminal is ours:
raw mode (termios(3)), the size of the window (SIGWINCH), and bytes passed on both ways.
"""

import contextlib
import os
import select
import shutil
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from builder.host.engine.faults import translated

if TYPE_CHECKING:
    from docker import DockerClient

_PIECE: Final = 65536  # bytes


def has_terminal() -> bool:
    """Whether somebody can type into a shell of ours and see what it answers."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def shell(client: "DockerClient", container: str, *, folder: Path) -> None:
    """Run a shell in `folder` of a container until the user leaves it."""
    with translated("starting a shell in the container"):
        process = client.api.exec_create(
            container, ["bash", "-i"], stdin=True, tty=True, workdir=str(folder),
            environment={"TERM": os.environ.get("TERM", "dumb")},
        )["Id"]  # fmt: skip
        stream = client.api.exec_start(process, tty=True, socket=True)

    def resize() -> None:
        columns, lines = shutil.get_terminal_size()
        with contextlib.suppress(Exception):  # it may be gone, and the size is a courtesy
            client.api.exec_resize(process, height=lines, width=columns)

    with contextlib.closing(stream), _raw_terminal(), _on_resize(resize):
        resize()
        _pass_on(getattr(stream, "_sock", stream))


def _pass_on(connection: Any) -> None:
    """Pass bytes both ways until the other side ends."""
    typed, shown = sys.stdin.fileno(), sys.stdout.fileno()
    sources = [connection, typed]
    while True:
        ready, _, _ = select.select(sources, [], [])
        if connection in ready:
            piece = connection.recv(_PIECE)
            if not piece:
                return
            os.write(shown, piece)
        if typed in ready:
            piece = os.read(typed, _PIECE)
            if piece:
                connection.sendall(piece)
            else:  # the terminal was closed
                sources.remove(typed)


@contextlib.contextmanager
def _raw_terminal() -> Iterator[None]:
    """Leave every key to the shell in the container, Ctrl-C too."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    try:
        tty.setraw(terminal)
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _on_resize(resize: "Any") -> Iterator[None]:
    before = signal.signal(signal.SIGWINCH, lambda _number, _frame: resize())
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
