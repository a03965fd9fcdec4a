"""`distroclone-builder doctor`: can this machine build, and if not, why not?"""

import click

from builder.basics.codec import to_data
from builder.basics.errors import ExitCode
from builder.basics.texts import say
from builder.host.cli.options import answer, json_option
from builder.host.cli.surroundings import Surroundings, pass_surroundings
from builder.host.display import choose_display
from builder.host.upkeep.checks import DoctorCheck, DoctorVerdict
from builder.host.upkeep.doctor import examine

_MARKS = {DoctorVerdict.OK: "✔", DoctorVerdict.WARNING: "!", DoctorVerdict.FAILED: "✘"}


@click.command()
@json_option
@pass_surroundings
def doctor(surroundings: Surroundings, *, as_json: bool) -> int:
    """Check whether this machine can build.

    Checks engine, privileges, disk, kernel and image, and gives a remedy for each problem.

    \b
    Example:
      distroclone-builder doctor
    """
    checks: list[DoctorCheck] = []
    with choose_display(json=as_json) as display:
        for check in examine(surroundings.open_engine):
            checks.append(check)
            if not as_json:
                click.echo(_line(check))
        able = all(check.verdict is not DoctorVerdict.FAILED for check in checks)
        verdict = say("This engine can build.") if able else say("This engine cannot build.")
        answer(display, verdict, {"able": able, "checks": to_data(checks)})
    return int(ExitCode.DONE if able else ExitCode.HOST)


def _line(check: DoctorCheck) -> str:
    line = f"{_MARKS[check.verdict]} {check.name}: {check.finding}"
    return f"{line}\n    {check.remedy}" if check.remedy else line
