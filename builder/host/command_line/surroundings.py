"""What a command needs from outside; the entry point gives it to every command."""

import functools
import platform
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import click

from builder.basics.errors import HostError
from builder.host.engine import NOTHING_ASKED, Asked, Engine, OpenEngine, connect
from builder.host.engine.troubles import EngineUnreachableError, Trouble
from builder.host.upkeep.engine_advice import advice
from builder.host.upkeep.machine_facts import gathered
from builder.host.upkeep.without_engine import engine_remedy


def connected(asked: Asked = NOTHING_ASKED) -> Engine:
    """Reach an engine as `connect` does; where none answers, say what to type on this machine.

    Raises HostError on what is not Linux, although an engine may answer there (Docker Desktop).
    """
    if platform.uname().system != "Linux":
        facts = gathered()
        raise HostError(
            "This machine runs {system}, and not Linux",
            hint="{advice}",
            system=facts.system,
            advice=advice(facts, Trouble.NOT_THERE),
        )
    try:
        return connect(asked)
    except EngineUnreachableError as error:
        error.advise(engine_remedy(error, gathered()))
        raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """How a command reaches the outside."""

    open_engine: OpenEngine = connected
    asked: Asked = NOTHING_ASKED  # which engine, by the command line


USUAL: Final = Surroundings()

# Gives a command the surroundings as its first argument.
pass_surroundings = click.make_pass_decorator(Surroundings, ensure=True)


def engine_options(command: click.Command, *, hidden: bool = False) -> click.Command:
    """Give a command --engine and --context; those of a subcommand win over those before it."""
    command.params += [
        click.Option(
            ["--engine"],
            metavar="WHICH",
            help="The container engine: docker, podman, or an address such as ssh://USER@HOST.",
            expose_value=False,
            callback=_asking("engine"),
            hidden=hidden,
        ),
        click.Option(
            ["--context"],
            metavar="NAME",
            help="The Docker context that names the engine.",
            expose_value=False,
            callback=_asking("context"),
            hidden=hidden,
        ),
    ]
    return command


def _asking(field: str) -> Callable[[click.Context, click.Parameter, str | None], None]:
    def ask(context: click.Context, _option: click.Parameter, value: str | None) -> None:
        if value is None:
            return
        if not value:
            raise click.BadParameter("it names nothing")
        before = context.find_object(Surroundings) or USUAL
        asked = replace(before.asked, **{field: value})
        context.obj = replace(before, asked=asked, open_engine=functools.partial(connected, asked))

    return ask
