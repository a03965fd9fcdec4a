"""What a command finds outside itself; the entry point gives it to all of them."""

from dataclasses import dataclass
from typing import Final

import click

from builder.host.engine import OpenEngine, connect


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The doors from a command to the world."""

    open_engine: OpenEngine = connect


USUAL: Final = Surroundings()

# Gives a command the surroundings as its first argument.
pass_surroundings = click.make_pass_decorator(Surroundings, ensure=True)
