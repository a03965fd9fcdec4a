"""The entry point: run the command line, turn what went wrong into words and an exit code."""

import os
import sys

import click

from builder.basics.errors import BuilderError, DefectError, Interrupted, UsageError
from builder.basics.signals import held, interruptible
from builder.border.events import encode
from builder.host.cli.root import cli
from builder.host.command_line.surroundings import USUAL, Surroundings
from builder.host.display import failed_event, render_failure
from builder.host.display.defects import plea


def main() -> None:
    """Run the command and leave with the documented exit code."""
    with interruptible(to_the_end=True):
        code = run(sys.argv[1:])
    sys.exit(code)


def run(arguments: list[str], *, surroundings: Surroundings = USUAL) -> int:
    """Run the command with these arguments and return its exit code."""
    try:
        result = cli.main(
            arguments, prog_name="distroclone-builder", standalone_mode=False, obj=surroundings
        )
        return int(result or 0)
    except (BrokenPipeError, SystemExit):  # click's way of saying the same
        # The reader of our output went away: nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(Interrupted.exit_code)
    except Exception as error:  # noqa: BLE001 - the last door: nobody shall see it slam
        with held(forget=True):
            return _failed(error, arguments)


def _failed(error: Exception, arguments: list[str]) -> int:
    """Say what went wrong; `arguments` tell whether to a program as well."""
    known = _as_ours(error)
    if "--json" in arguments:
        click.echo(encode(failed_event(known)))
    if isinstance(error, click.ClickException):
        error.show()  # with the command's usage
        return error.exit_code
    click.echo(render_failure(known), err=True)
    if isinstance(known, DefectError):
        click.echo(plea(), err=True)
    for note in dict.fromkeys(getattr(error, "__notes__", ())):
        click.echo(note, err=True)
    return int(known.exit_code)


def _as_ours(error: Exception) -> BuilderError:
    if isinstance(error, BuilderError):
        return error
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        return UsageError(
            "{problem}",
            hint="`{words} --help` shows how it is used.",
            problem=error.format_message().rstrip("."),
            words=context.command_path if context else "distroclone-builder",
        )
    if isinstance(error, click.Abort):
        return Interrupted("Interrupted")
    return DefectError.of(error)
