"""Shows what happens: bars on a terminal, plain lines in CI, JSON for programs, and a log.

A display takes the events of `builder.border.events` one by one. Text in them may come from
anywhere (a tool, a file name), so nothing is shown before `builder.basics.printable` saw it.
"""

import os
import sys
from typing import TextIO

from builder.host.display.base import Display
from builder.host.display.json_lines import JsonDisplay
from builder.host.display.log_file import LogFile
from builder.host.display.plain import PlainDisplay
from builder.host.display.terminal import TerminalDisplay
from builder.host.display.wording import (
    columns,
    failed_event,
    note_text,
    render_failure,
    step_title,
)

__all__ = [
    "Display",
    "JsonDisplay",
    "LogFile",
    "PlainDisplay",
    "TerminalDisplay",
    "choose_display",
    "columns",
    "failed_event",
    "note_text",
    "render_failure",
    "step_title",
]


def choose_display(*, json: bool, stream: TextIO | None = None) -> Display:
    """Return JSON on standard output, bars on a terminal, or plain lines for CI and pipes.

    `stream` replaces standard output (`json`) or standard error (people).
    """
    if json:
        return JsonDisplay(stream or sys.stdout)
    stream = stream or sys.stderr
    is_ci = os.environ.get("CI", "").lower() not in ("", "0", "false")
    can_draw = stream.isatty() and os.environ.get("TERM") != "dumb"
    return TerminalDisplay.on(stream) if can_draw and not is_ci else PlainDisplay(stream)
