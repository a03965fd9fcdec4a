"""A `System` for tests: it remembers what was asked, and may really run it."""

# ruff: noqa: ARG002  # a fake takes all that the protocol gives

import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from builder.inside.system.system import Sight


class RecordingSystem:
    """Remembers commands and notes; runs the commands only when `real`."""

    def __init__(self, *, real: bool = False) -> None:
        self.commands: list[tuple[str, ...]] = []
        self.notes: list[str] = []
        self._real = real

    def run(
        self,
        argv: Sequence[str],
        *,
        root: Path | None = None,
        sight: Sight | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        success: Collection[int] = (0,),
        progress: Callable[[str], float | None] | None = None,
        logged: bool = True,
        quiet: float | None = None,
    ) -> str:
        """Remember `argv`, and run it when this system is real."""
        self.commands.append(tuple(argv))
        if not self._real:
            return ""
        done = subprocess.run(argv, check=True, capture_output=True, input=stdin)
        return done.stdout.decode()

    @contextmanager
    def reading(self, argv: Sequence[str]) -> Iterator[BinaryIO]:
        """Nothing that is tested with this system reads a stream."""
        raise AssertionError("a stream that no test expects")
        yield

    @contextmanager
    def meanwhile(
        self,
        argv: Sequence[str],
        *,
        sight: Sight | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
    ) -> Iterator[None]:
        """Nothing that is tested with this system runs a tool beside."""
        raise AssertionError("a tool that no test expects")
        yield

    @contextmanager
    def mounted(
        self, source: str, target: Path, *, kind: str, options: Sequence[str] = ()
    ) -> Iterator[None]:
        """Nothing that is tested with this system may mount."""
        raise AssertionError("a mount that no test expects")
        yield

    def progress(self, fraction: float) -> None:
        """Progress is of no interest here."""

    def log(self, text: str) -> None:
        """What is logged is of no interest here."""

    def note(self, message: str, *, warning: bool = False, **values: object) -> None:
        """Remember the note."""
        self.notes.append(message)
