"""What a command needs from outside; the entry point gives it to every command."""

from dataclasses import dataclass
from typing import Final

import click

from builder.host.engine import OpenEngine, connect


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """How a command reaches the outside."""

    open_engine: OpenEngine = connect


USUAL: Final = Surroundings()

# Gives a command the surroundings as its first argument.
pass_surroundings = click.make_pass_decorator(Surroundings, ensure=True)
