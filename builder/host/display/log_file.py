"""The log beside the ISO: every event with its time, the tools' output included."""

import contextlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, assert_never

from builder.basics.codec import to_data
from builder.basics.errors import BuilderError, HostError, error_from_data
from builder.basics.printable import printable
from builder.basics.regular import emptied_regular
from builder.basics.texts import say
from builder.border.events import (
    Event,
    Failed,
    Held,
    Note,
    Result,
    StepFinished,
    StepProgress,
    StepStarted,
    ToolOutput,
)
from builder.host.display.base import Display
from builder.host.display.wording import duration, note_text, percent, render_failure, step_title

_MODE: Final = 0o600  # it names whatever was left out


class LogFile(Display):
    """Writes lines like `2026-06-17T14:30:05.123Z squashfs | …` into a file of mode 0600.

    Raises HostError when the file cannot be created or written. An existing file of that name is
    overwritten; what else has its place, symbolic links included, is refused.
    """

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self._percents: dict[str, int] = {}
        try:
            descriptor = emptied_regular(path, mode=_MODE)
        except OSError as error:
            raise self._error(error) from error
        with contextlib.suppress(OSError):  # it may be another user's, on whose disk we may write
            os.fchmod(descriptor, _MODE)
        self._stream: Final = os.fdopen(
            descriptor, "w", encoding="utf-8", errors="backslashreplace", buffering=1
        )

    def event(self, event: Event) -> None:
        """Write the event; of progress, whole percents only."""
        match event:
            case StepStarted(step=step, position=position, total=total):
                self._percents[step] = 0
                self._write(f"[{position}/{total}] {step}: {step_title(step)}")
            case StepProgress(step=step, fraction=fraction):
                if (reached := percent(fraction)) != self._percents.get(step):
                    self._percents[step] = reached
                    self._write(f"{step} {reached} %")
            case StepFinished(step=step, seconds=seconds):
                self._write(f"{step} " + say("done in {time}", time=duration(seconds)))
            case ToolOutput(step=step, text=text):
                self._write(text, prefix=f"{step} | ")
            case Note(level=level):
                self._write(note_text(event), prefix=f"{level}: ")
            case Held(step=step):
                self._write(f"{step} " + say("is waiting for you to look inside"))
            case Result(data=data):
                self._write(json.dumps(to_data(data), ensure_ascii=False), prefix="result: ")
            case Failed(error=error):
                self.failure(error_from_data(error))
            case _:
                assert_never(event)

    def failure(self, error: BuilderError) -> None:
        """Write an error with its command and the last lines."""
        self._write(render_failure(error))

    def close(self) -> None:
        """Close the file."""
        try:
            self._stream.close()
        except OSError as error:
            raise self._error(error) from error

    def _write(self, text: str, *, prefix: str = "") -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        try:
            for line in text.split("\n"):
                self._stream.write(f"{now} {printable(prefix + line)}".rstrip() + "\n")
        except OSError as error:
            raise self._error(error) from error

    def _error(self, error: OSError) -> HostError:
        return HostError(
            "The log {path} cannot be written: {reason}",
            hint="Choose an output folder that you can write to and that has free space.",
            path=self.path,
            reason=error.strerror or error,
        )
