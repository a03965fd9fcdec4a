"""Plain lines for CI and pipes: no colours, no cursor movements, few progress lines."""

from typing import Final, TextIO, assert_never

from builder.basics.printable import printable
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
from builder.host.display.wording import duration, note_line, percent, step_title

_EVERY: Final = 10  # percent between two progress lines


class PlainDisplay(Display):
    """One line for the start and the end of a step, and for each tenth in between.

    Errors and results are not shown here: the host has more to say about them.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream: Final = stream
        self._labels: dict[str, str] = {}
        self._shown: dict[str, int] = {}  # percent

    def event(self, event: Event) -> None:
        """Print the event's line, if it has one."""
        match event:
            case StepStarted(step=step):
                self._labels[step] = f"[{event.position}/{event.total}] {printable(step)}"
                self._shown[step] = 0
                self._print(f"{self._label(step)}: {step_title(step)} …")
            case StepProgress(step=step, fraction=fraction):
                reached = percent(fraction) // _EVERY * _EVERY
                if reached > self._shown.get(step, 0):
                    self._shown[step] = reached
                    self._print(f"{self._label(step)} {reached} %")
            case StepFinished(step=step, seconds=seconds):
                done = say("done in {time}", time=duration(seconds))
                self._print(f"{self._label(step)} {done}")
            case Note():
                self._print(note_line(event))
            case ToolOutput() | Held() | Result() | Failed():
                pass
            case _:
                assert_never(event)

    def close(self) -> None:
        """Nothing is held: each line was flushed."""

    def _label(self, step: str) -> str:
        return self._labels.get(step, printable(step))

    def _print(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()
