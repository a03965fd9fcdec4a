"""`distroclone-builder doctor` and `sweep`: can this machine build, and what crashed runs left."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import click

from builder.basics.codec import to_data
from builder.basics.errors import ExitCode, HostError
from builder.basics.texts import say
from builder.host.command_line.options import FOLDER, answer, json_option
from builder.host.command_line.surroundings import Surroundings, pass_surroundings
from builder.host.display import choose_display
from builder.host.engine import OpenEngine
from builder.host.engine.choice import Login
from builder.host.image.builder_image import ensure_builder
from builder.host.sent.sending import remove_sent
from builder.host.upkeep.doctor import DoctorCheck, DoctorVerdict, examine
from builder.host.upkeep.machine_facts import gathered
from builder.host.upkeep.sweep import sweep_leftovers
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


@click.command()
@click.option(
    "--cache",
    "caches",
    multiple=True,
    type=FOLDER,
    metavar="DIR",
    help="Also look for frozen snapshots in this cache; may be repeated.",
)
@click.option("--sent", is_flag=True, help="Also remove what was sent with --source-on here.")
@json_option
@pass_surroundings
def sweep(
    surroundings: Surroundings, caches: tuple[Path, ...], *, sent: bool, as_json: bool
) -> None:
    """Remove what crashed runs left behind.

    That is containers, volumes, images and frozen snapshots. Nothing that a running build uses is
    touched, nor one that goes on without the process that started it: see `builds list`.

    \b
    Example:
      distroclone-builder sweep --cache /mnt/SysLinuxOS_backup
    """
    with choose_display(json=as_json) as display:
        engine = surroundings.open_engine()
        image = ensure_builder(engine, on_event=display.event)
        swept = sweep_leftovers(
            engine,
            image.id,
            caches=[each.absolute() for each in caches],
            on_event=display.event,
        )
        text = say(
            "Containers removed: {containers}; volumes: {volumes}; images: {images}; frozen "
            "snapshots: {frozen}",
            containers=len(swept.containers),
            volumes=len(swept.volumes),
            images=len(swept.images),
            frozen=len(swept.frozen),
        )
        removed = remove_sent(engine) if sent else ()
        if sent:
            text += "\n" + say("Copies of sources removed: {count}", count=len(removed))
        if swept.builds:
            text += "\n" + say(
                "Builds that go on alone were left: {runs}. `distroclone-builder builds attach` "
                "takes their results, `distroclone-builder builds cancel` ends them.",
                runs=", ".join(swept.builds),
            )
        answer(display, text, to_data(swept) | {"sent": list(removed)})
    if swept.failures:
        raise HostError(
            "Not everything could be removed: {failures}",
            hint="Where a cache is not there, mount its drive, or give the path of its folder with "
            "--cache; then run `distroclone-builder sweep` again.",
            failures="; ".join(swept.failures),
        )
