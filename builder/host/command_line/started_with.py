"""What a process is started with and cannot be sure of: its standard streams and its folder."""

import os
import sys
import traceback
from pathlib import Path
from typing import Final

from builder.basics.errors import HostError

_PRINTING: Final = (
    "builder.host.display.json_lines", "builder.host.display.plain",
    "builder.host.display.terminal", "click.utils", "rich.",
)  # fmt: skip


def open_standard_streams() -> None:
    """Put /dev/null in place of each standard stream that whoever started us has closed.

    Otherwise the next file that is opened, a disk perhaps, would be taken for standard output by
    the tools that we run.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))


def check_current_folder() -> None:
    """Raise HostError where the current folder was removed: no relative path means anything."""
    try:
        Path.cwd()
    except OSError as error:
        raise HostError(
            "The current folder cannot be used: {reason}",
            hint="It was removed, or its disk is gone. Change to another one, e.g. `cd`.",
            reason=error.strerror or error,
        ) from error


def stream_error(error: Exception) -> HostError | None:
    """Return what is wrong with where our output goes, if `error` comes from that; else None."""
    frames = traceback.walk_tb(error.__traceback__)
    modules = [str(frame.f_globals.get("__name__")) for frame, _line in frames]
    if not isinstance(error, OSError) or not any(each.startswith(_PRINTING) for each in modules):
        return None
    return HostError(
        "The output cannot be written: {reason}",
        hint="Free space where it goes, or send it elsewhere.",
        reason=error.strerror or error,
    )


def give_up_streams() -> None:
    """Leave what still waits to be printed unprinted, where it cannot be.

    Python would try again at its end, complain, and end with a code of its own.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
