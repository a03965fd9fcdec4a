"""The entry point: run the command line, turn what went wrong into words and an exit code."""

import os
import sys

import click

from builder.errors import BuilderError, Interrupted
from builder.events import encode
from builder.host.cli import cli
from builder.host.display import failed_event, render_failure
from builder.signals import interruptible


def main() -> None:
    """Run the command and leave with the documented exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command with these arguments and return its exit code."""
    try:
        with interruptible():
            result = cli.main(arguments, prog_name="distroclone-builder", standalone_mode=False)
            return int(result or 0)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return _failed(Interrupted("Interrupted"), arguments)
    except BuilderError as error:
        return _failed(error, arguments)
    except BrokenPipeError:  # the reader of our output went away: nobody is left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(Interrupted.exit_code)


def _failed(error: BuilderError, arguments: list[str]) -> int:
    if "--json" in arguments:
        click.echo(encode(failed_event(error)))
    click.echo(render_failure(error), err=True)
    for note in getattr(error, "__notes__", ()):
        click.echo(note, err=True)
    return int(error.exit_code)
