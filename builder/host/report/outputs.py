"""Where the reports of a command go: files, standard output, or the terminal."""

import os
import shlex
import sys
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from builder.basics.errors import HostError, UsageError

STANDARD_OUTPUT: Final = Path("-")
_PIPE_WIDTH: Final = 200  # columns, for whoever reads a pipe


def report_console() -> Console:
    """Return the console for a report that nobody asked to have in a file."""
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(highlight=False, soft_wrap=True, width=width)


def check_outputs(outputs: list[Path], *, as_json: bool) -> None:
    """Check that the outputs can be written, before the long work."""
    if outputs.count(STANDARD_OUTPUT) + as_json > 1:
        raise UsageError(
            "Only one report can go to standard output",
            hint="Write all but one of them to files.",
        )
    for path in outputs:
        if path != STANDARD_OUTPUT and (path.is_dir() or not path.parent.is_dir()):
            raise UsageError(
                "Cannot write {path}: it is a folder, or its folder does not exist",
                hint="Give the path of a file, in a folder that is there.",
                path=path,
            )
        if path != STANDARD_OUTPUT and not _is_writable(path):
            raise HostError(
                "{path} cannot be written: you may not, or its file system is read-only",
                hint="Choose a folder that you can write to; `findmnt --target {word}` shows how "
                "its file system is mounted.",
                path=path,
                word=shlex.quote(str(path.parent)),
            )


def _is_writable(path: Path) -> bool:
    """Whether the file, or the folder that it would be made in, can be written, as far as is known.

    access(2) also knows of file systems that are read-only, which holds for root, too.
    """
    target = path if os.path.lexists(path) else path.parent
    return os.access(target, os.W_OK, effective_ids=True) or not target.exists()


def write_report(path: Path, text: str) -> None:
    """Write a report to a file or to standard output. Raises HostError where it cannot be."""
    if path == STANDARD_OUTPUT:
        click.echo(text.encode(), nl=False)
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise HostError(
            "The report cannot be written to {path}: {reason}",
            hint="Choose a folder that you can write to and that has free space.",
            path=path,
            reason=error.strerror or error,
        ) from error
