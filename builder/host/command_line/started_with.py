"""What a process is started with and cannot be sure of: its standard streams and its folder."""

import os
import sys
from pathlib import Path

from builder.basics.errors import HostError
from builder.basics.texts import say


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


def stream_error() -> HostError | None:
    """Return what is wrong with where our output goes; None if that can be written to.

    What could not be written is still waiting to be, so it fails once more. It is given up.
    """
    for stream, name in ((sys.stdout, say("Standard output")), (sys.stderr, say("Standard error"))):
        try:
            stream.flush()
        except (OSError, ValueError) as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            return HostError(
                "{name} cannot be written to: {reason}",
                hint="Free space where it goes, or send it elsewhere.",
                name=name,
                reason=getattr(error, "strerror", "") or error,
            )
    return None
