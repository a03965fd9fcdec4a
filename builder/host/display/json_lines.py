"""One JSON event a line, for programs; the shape is that of `builder.border.events`."""

import io
from typing import Final, TextIO

from builder.basics.errors import error_from_data
from builder.border.events import Event, Failed, Note, StepProgress, ToolOutput, encode
from builder.host.display.base import Display
from builder.host.display.wording import clamped, failed_event, note_text


class JsonDisplay(Display):
    """Writes all events but the tools' output, which is in the log.

    Notes and errors come with their sentences filled in, so that nobody needs the templates.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream: Final = stream
        if isinstance(stream, io.TextIOWrapper):
            # JSON is UTF-8 whatever the locale says; a lone surrogate becomes a JSON escape.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")

    def event(self, event: Event) -> None:
        """Write the event and flush, so that a reader sees it at once."""
        match event:
            case ToolOutput():
                return
            case Note():
                self._write(Note(level=event.level, message=note_text(event)))
            case StepProgress(step=step, fraction=fraction):
                self._write(StepProgress(step=step, fraction=clamped(fraction)))  # NaN is no JSON
            case Failed(error=error):
                self._write(failed_event(error_from_data(error)))
            case _:
                self._write(event)

    def close(self) -> None:
        """Nothing is held: each line was flushed."""

    def _write(self, event: Event) -> None:
        self._stream.write(encode(event) + "\n")
        self._stream.flush()
