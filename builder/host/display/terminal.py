"""Progress bars on a terminal, drawn by rich."""

from typing import Final, TextIO, assert_never

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

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


class TerminalDisplay(Display):
    """One bar for each running step; a finished step stays as a line above the bars.

    A step without progress of its own gets a bar that only shows that it is alive. Errors and
    results are not shown here: the host has more to say about them.
    """

    def __init__(self, console: Console) -> None:
        self._console: Final = console
        ascii_only = console.options.ascii_only
        self._done, self._broken = ("ok", "!!") if ascii_only else ("✔", "✘")
        self._bars: dict[str, TaskID] = {}
        self._progress: Final = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._progress.start()

    @classmethod
    def on(cls, stream: TextIO) -> "TerminalDisplay":
        """Draw on `stream`, which is a terminal."""
        return cls(Console(file=stream))

    def event(self, event: Event) -> None:
        """Move the step's bar, or write a line above the bars."""
        match event:
            case StepStarted(step=step, position=position, total=total):
                self._remove(step)
                title = f"{position}/{total} {step_title(step)}"
                self._bars[step] = self._progress.add_task(title, total=None)
            case StepProgress(step=step, fraction=fraction):
                if step in self._bars:
                    self._progress.update(self._bars[step], total=100, completed=percent(fraction))
            case StepFinished(step=step, seconds=seconds):
                self._remove(step)
                self._print(f"{self._done} {step_title(step)}  {duration(seconds)}", style="green")
            case Note(level=level):
                self._print(note_line(event), style="yellow" if level == "warning" else "")
            case ToolOutput() | Held() | Result() | Failed():
                pass
            case _:
                assert_never(event)

    def close(self) -> None:
        """Remove the bars; a step that did not finish leaves a line that says so."""
        for step in tuple(self._bars):
            self._remove(step)
            self._print(f"{self._broken} {step_title(step)}  " + say("not finished"), style="red")
        self._progress.stop()

    def _remove(self, step: str) -> None:
        if step in self._bars:
            self._progress.remove_task(self._bars.pop(step))
            self._progress.refresh()  # else the old bar is drawn once more below the next line

    def _print(self, text: str, *, style: str = "") -> None:
        # A Text is taken as it is: brackets in it are no markup, and numbers get no colours.
        self._console.print(Text(text, style=style), soft_wrap=True)
