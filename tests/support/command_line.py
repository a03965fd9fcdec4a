"""The command as a user runs it: a process of its own, its JSON events read as they come."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

PROJECT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-c", "from builder.host.cli.main import main; main()")
Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A run of the command that is over."""

    process: int
    code: int
    events: Sequence[Event]
    strange: Sequence[str]  # lines of standard output that are no JSON object
    errors: str  # standard error

    @property
    def data(self) -> Mapping[str, Any]:
        """The result, which is the last event of a run that ended well."""
        assert self.code == 0, self.errors
        last = self.events[-1]
        assert last["event"] == "result", last
        return dict(last["data"])

    @property
    def error(self) -> Mapping[str, Any]:
        """The error, which is the last event of a run that failed."""
        last = self.events[-1]
        assert last["event"] == "failed", last
        assert last["error"]["exit_code"] == self.code
        return dict(last["error"])


class Running:
    """A run of the command that goes on."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self._events: list[Event] = []
        self._strange: list[str] = []
        self._errors: list[str] = []
        self._changed = threading.Condition()
        assert process.stdout is not None
        assert process.stderr is not None
        self._readers = [
            threading.Thread(target=self._read_events, args=(process.stdout,), daemon=True),
            threading.Thread(target=self._read_errors, args=(process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def wait_for(self, wanted: Callable[[Event], bool], *, seconds: float = 240) -> Event:
        """Return the first event that is wanted; fail when the command ends without it."""
        found: list[Event] = []

        def seen() -> bool:
            found[:] = [event for event in self._events if wanted(event)][:1]
            return bool(found) or not self._readers[0].is_alive()

        with self._changed:
            assert self._changed.wait_for(seen, timeout=seconds), "it takes too long"
        assert found, f"it ended without it: {self._events[-3:]} {self._errors}"
        return found[0]

    def wait_for_step(self, step: str) -> None:
        """Wait until a step starts."""
        self.wait_for(lambda event: event["event"] == "step-started" and event["step"] == step)

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def end(self, *, seconds: float = 240) -> Ended:
        """Wait for the end."""
        code = self.process.wait(timeout=seconds)
        for reader in self._readers:
            reader.join(timeout=10)
        return Ended(
            process=self.process.pid,
            code=code,
            events=tuple(self._events),
            strange=tuple(self._strange),
            errors="".join(self._errors),
        )

    def _read_events(self, stream: IO[str]) -> None:
        for line in stream:
            with self._changed:
                try:
                    self._events.append(dict(json.loads(line)))
                except ValueError:
                    self._strange.append(line)
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def _read_errors(self, stream: IO[str]) -> None:
        self._errors += iter(stream)


@contextmanager
def running(
    *words: object,
    environment: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
    command: Sequence[str] = COMMAND,
) -> Iterator[Running]:
    """Start the command with --json; what still runs when the body is left is interrupted."""
    with subprocess.Popen(
        [*prefix, *command, *map(str, words), "--json"],
        cwd=PROJECT,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Running(process)
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def run(
    *words: object,
    environment: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
    command: Sequence[str] = COMMAND,
) -> Ended:
    """Run the command with --json to its end."""
    with running(*words, environment=environment, prefix=prefix, command=command) as run_of_it:
        return run_of_it.end()


def others_can_enter(*places: Path) -> bool:
    """Whether any user could run what is there: checkouts and interpreters are root's at times."""
    folders = {folder for place in places for folder in (place, *place.parents)}
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)


def wait_until(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    """Wait until something is so, looking often."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.02)
