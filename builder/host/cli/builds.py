"""`distroclone-builder builds`: builds that go on in the engine, whoever started them."""

from datetime import datetime
from pathlib import Path

import click

from builder.basics.codec import to_data
from builder.basics.printable import printable_lines
from builder.basics.sizes import readable_size
from builder.basics.texts import say
from builder.host.build import alone
from builder.host.build.alone import Follower, FoundBuild
from builder.host.build.mark import BuildMark
from builder.host.command_line.next_commands import boot_command
from builder.host.command_line.options import FOLDER, answer, json_option
from builder.host.command_line.surroundings import Surroundings, pass_surroundings
from builder.host.display import choose_display, columns
from builder.host.engine import State
from builder.host.source.local_zone import local_zone

_elsewhere = click.option(
    "--from-elsewhere",
    is_flag=True,
    help="Also a build that was started on another machine, if nobody follows it there.",
)


@click.group()
def builds() -> None:
    """Find builds that go on alone: take their results, end them.

    A build works in a container of its engine. When the process that started it is killed, or its
    machine loses the engine for too long, the container goes on, and keeps its results.
    """


@builds.command("list")
@json_option
@pass_surroundings
def list_builds(surroundings: Surroundings, *, as_json: bool) -> None:
    """List the builds in the engine.

    \b
    Example:
      distroclone-builder --engine ssh://user@host builds list
    """
    with choose_display(json=as_json) as display:
        found = alone.found_builds(surroundings.open_engine())
        text = "\n\n".join(_words(each) for each in found) or say("No build is in this engine.")
        answer(display, text, {"builds": [_data(each) for each in found]})


@builds.command()
@click.argument("run", required=False)
@click.option(
    "--output",
    type=FOLDER,
    metavar="DIR",
    help="Where the results go [default: where the build was started for].",
)
@_elsewhere
@json_option
@pass_surroundings
def attach(
    surroundings: Surroundings,
    run: str | None,
    output: Path | None,
    *,
    from_elsewhere: bool,
    as_json: bool,
) -> None:
    """Follow a build to its end, and take its results.

    RUN is the beginning of an id that `builds list` shows; it may be left out where only one build
    goes on alone. The results are verified as if the build had never been left. Ctrl-C ends only
    this command; the build goes on.

    \b
    Example:
      distroclone-builder builds attach 3f2a
    """
    with choose_display(json=as_json) as display:
        engine = surroundings.open_engine()
        build = alone.the_build(engine, run)
        folder = output.absolute() if output else None
        with alone.claimed(engine, build, from_elsewhere=from_elsewhere) as ours:
            outcome = alone.attach(engine, ours, output=folder, on_event=display.event)
        iso = outcome.folder / outcome.iso.name
        size = readable_size(outcome.iso.size)
        rows = [
            (say("SHA-256"), outcome.iso.sha256),
            (say("Boot it"), boot_command(iso)),
            (say("Keep to yourself"), str(outcome.private)),
        ]
        data = {
            "run": build.run,
            "folder": str(outcome.folder),
            "artefacts": to_data(outcome.artefacts),
            "private": str(outcome.private),
            "block_cache": to_data(outcome.blocks),
        }
        built = say("Built {iso} ({size})", iso=iso, size=size)
        answer(display, f"{built}\n{columns(rows, indent='  ')}", data)


@builds.command()
@click.argument("run", required=False)
@_elsewhere
@json_option
@pass_surroundings
def cancel(
    surroundings: Surroundings, run: str | None, *, from_elsewhere: bool, as_json: bool
) -> None:
    """End a build, and remove all that it has, its results too.

    RUN is as for `builds attach`.

    \b
    Example:
      distroclone-builder builds cancel 3f2a
    """
    with choose_display(json=as_json) as display:
        engine = surroundings.open_engine()
        build = alone.the_build(engine, run)
        with alone.claimed(engine, build, from_elsewhere=from_elsewhere) as ours:
            alone.remove(engine, ours, on_event=display.event)
        text = say("Ended the build {run}; nothing of it is left.", run=build.run)
        answer(display, text, {"run": build.run})


def _words(build: FoundBuild) -> str:
    rows = [
        *(_made(build.mark) if build.mark else [(say("ISO"), say("not readable by this version"))]),
        (say("State"), _state(build.state)),
        (say("Followed by"), _follower(build)),
        *([(say("Results go to"), build.mark.output)] if build.mark else ()),
    ]
    return printable_lines(f"{build.run}\n{columns(rows, indent='  ')}")


def _made(mark: BuildMark) -> list[tuple[str, str]]:
    begun = datetime.fromtimestamp(mark.begun, tz=local_zone())
    return [(say("ISO"), f"{mark.iso_name}.iso"), (say("Since"), f"{begun:%Y-%m-%d %H:%M}")]


def _state(state: State) -> str:
    match state:
        case State.WAITS:
            return say("it was never started")
        case State.WORKS:
            return say("at work")
        case State.SUCCEEDED:
            return say("done; its results wait")
        case State.FAILED:
            return say("failed")


def _follower(build: FoundBuild) -> str:
    match build.follower:
        case Follower.HERE:
            return say("process {process} of this machine", process=build.process)
        case Follower.NOBODY:
            return say("nobody")
        case Follower.UNKNOWN:
            return say("unknown: it was started on another machine or in another container")


def _data(build: FoundBuild) -> dict[str, object]:
    mark = build.mark
    return {
        "run": build.run,
        "iso": f"{mark.iso_name}.iso" if mark else None,
        "begun": mark.begun if mark else None,
        "state": build.state.value,
        "follower": build.follower.value,
        "output": mark.output if mark else None,
    }
