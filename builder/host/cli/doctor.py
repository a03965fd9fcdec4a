"""`distroclone-builder doctor`: can this machine build, and if not, why not?"""

import contextlib
from collections.abc import Iterator

import click

from builder.basics.codec import to_data
from builder.basics.errors import ExitCode, HostError
from builder.basics.texts import say
from builder.host.command_line.options import answer, json_option
from builder.host.command_line.surroundings import Surroundings, pass_surroundings
from builder.host.display import choose_display
from builder.host.engine import OpenEngine
from builder.host.engine.choice import Login
from builder.host.upkeep.doctor import DoctorCheck, DoctorVerdict, examine
from builder.host.upkeep.machine_facts import gathered
from builder.host.upkeep.without_engine import examine_without_engine, other_engines

_MARKS = {DoctorVerdict.OK: "✔", DoctorVerdict.WARNING: "!", DoctorVerdict.FAILED: "✘"}


@click.command()
@json_option
@pass_surroundings
def doctor(surroundings: Surroundings, *, as_json: bool) -> int:
    """Check whether this machine can build.

    Checks engine, privileges, disk, kernel and image, and gives a remedy for each problem.
    Without an engine it says what to type to get one here.

    \b
    Example:
      distroclone-builder doctor
    """
    checks: list[DoctorCheck] = []
    with choose_display(json=as_json) as display:
        for check in _examined(surroundings.open_engine):
            checks.append(check)
            if not as_json:
                click.echo(_line(check))
        able = all(check.verdict is not DoctorVerdict.FAILED for check in checks)
        verdict = say("This engine can build.") if able else say("Nothing can be built like this.")
        answer(display, verdict, {"able": able, "checks": to_data(checks)})
    return int(ExitCode.DONE if able else ExitCode.HOST)


def _examined(open_engine: OpenEngine) -> Iterator[DoctorCheck]:
    """Yield the checks of an engine, or those that can be made without one."""
    try:
        engine = open_engine()
    except HostError as error:
        yield from examine_without_engine(error, gathered())
        yield from other_engines(Login(), taken="")
    else:
        with contextlib.closing(engine):
            yield from examine(engine)
            yield from other_engines(Login(), taken=engine.facts().where)


def _line(check: DoctorCheck) -> str:
    line = f"{_MARKS[check.verdict]} {check.name}: {check.finding}"
    return "\n    ".join([line, *check.remedy.splitlines()])
