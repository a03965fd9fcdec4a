"""`distroclone-builder backup`: make the cache, and see how it is."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from builder.basics.codec import to_data
from builder.basics.errors import ExitCode, UsageError
from builder.basics.sizes import readable_size
from builder.basics.texts import say
from builder.border.events import Note
from builder.formats.snapshot import SnapshotKind
from builder.host.backup import timer
from builder.host.backup.planning import BackupPlan
from builder.host.backup.retention import LAST, Retention, moment
from builder.host.backup.schedule import SERVICE, TIMER, Schedule, Units, units_of
from builder.host.backup.session import Outcome, back_up
from builder.host.backup.status import Status, judged, read_state, readable_age
from builder.host.command_line.options import (
    FOLDER,
    Command,
    answer,
    cache_folder,
    json_option,
    parse_age,
    setting_option,
)
from builder.host.command_line.surroundings import Surroundings, pass_surroundings
from builder.host.config import checks, settings
from builder.host.display import Display, choose_display, columns
from builder.host.source.local_zone import local_zone

_PLAN_OPTIONS = (
    click.option(
        "--source",
        type=FOLDER,
        metavar="DIR",
        default=Path("/"),
        help="The system to back up: a root filesystem as a folder [default: /, this system].",
    ),
    setting_option(settings.CACHE),
    click.option("--include-home", is_flag=True, help="Back up /home and /root as well."),
    click.option(
        "--exclude",
        metavar="PATTERN",
        multiple=True,
        help="What else to leave out: an rsync pattern that starts with /, e.g. /opt/games. May be "
        "given more than once.",
    ),
    click.option(
        "--keep-last",
        type=click.IntRange(min=1),
        metavar="N",
        help=f"Keep the last N snapshots [default: {LAST}, and no more than one is deleted at a "
        "time].",
    ),
    click.option(
        "--keep-daily",
        type=click.IntRange(min=0),
        metavar="N",
        default=0,
        help="Keep the newest snapshot of each of the last N days too.",
    ),
    click.option(
        "--keep-weekly",
        type=click.IntRange(min=0),
        metavar="N",
        default=0,
        help="Keep the newest snapshot of each of the last N weeks too.",
    ),
    click.option(
        "--keep-monthly",
        type=click.IntRange(min=0),
        metavar="N",
        default=0,
        help="Keep the newest snapshot of each of the last N months too.",
    ),
)


def plan_options(command: Command) -> Command:
    """Give a command the options that say what is backed up, where to, and what is kept."""
    for option in reversed(_PLAN_OPTIONS):
        command = option(command)
    return command


@click.group(invoke_without_command=True)
@plan_options
@click.option("--new", is_flag=True, help="Start a cache there, if there is none yet.")
@click.option(
    "--adopt", is_flag=True, help="Go on with a cache that another system was backed up to."
)
@json_option
@click.pass_context
def backup(
    context: click.Context,
    /,
    *,
    new: bool,
    adopt: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Back up this system into a cache, and keep a snapshot of it.

    Snapshots that are no longer wanted are deleted afterwards, if the backup is complete.

    \b
    Examples:
      distroclone-builder backup --cache /media/usb/debian_backup --new
      distroclone-builder backup --keep-last 5 --keep-weekly 8
      distroclone-builder backup --source /mnt/disk --exclude /opt/games
      distroclone-builder backup status
    """
    if context.invoked_subcommand is not None:
        _refuse_options_before(context, context.invoked_subcommand)
        return
    plan = replace(_plan(**given), new=new, adopt=adopt)
    surroundings = context.find_object(Surroundings) or Surroundings()
    with choose_display(json=as_json) as display:
        outcome = back_up(plan, surroundings.open_engine(), on_event=display.event)
        answer(display, _text_of(outcome), _data_of(outcome))


@backup.command()
@setting_option(settings.CACHE)
@click.option(
    "--max-age",
    metavar="TIME",
    help="Complain if the newest complete snapshot is older, e.g. 36h, 2d or 1w.",
)
@json_option
@pass_surroundings
def status(
    surroundings: Surroundings, /, cache: Path | None, max_age: str | None, *, as_json: bool
) -> int:
    """Show how the last backup ended, what there is, and its age.

    Exits with 8 where something is wrong: no complete snapshot, a backup that did not finish, or
    one that is too old; and with 4 where there is no cache, as when its drive is not mounted.

    \b
    Example:
      distroclone-builder backup status --max-age 2d
    """
    limit = None if max_age is None else parse_age(max_age)
    place = cache_folder(cache)
    with choose_display(json=as_json) as display:
        state = read_state(place, surroundings.open_engine(), on_event=display.event)
        found = judged(state, now=datetime.now(UTC), zone=local_zone(), max_age=limit)
        seconds = None if found.age is None else int(found.age.total_seconds())
        waits = _next_run(place)
        data = {
            **to_data(state), "age": seconds, "troubles": list(found.troubles), "next": waits,
        }  # fmt: skip
        answer(display, _shown(found, next_run=waits), data)
    return int(ExitCode.BACKUP if found.troubles else ExitCode.DONE)


@backup.command()
@click.argument("when", required=False)
@plan_options
@click.option(
    "--on-failure",
    metavar="UNIT",
    default="",
    help="A unit of systemd to start when a backup fails, e.g. notify@%n.service.",
)
@click.option("--off", is_flag=True, help="Remove the schedule.")
@click.option("--dry-run", is_flag=True, help="Show the units, and write nothing.")
@json_option
@pass_surroundings
def schedule(
    surroundings: Surroundings,
    /,
    when: str | None,
    on_failure: str,
    *,
    off: bool,
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Have systemd make backups: daily, weekly, monthly, or by a rule.

    WHEN is one of these words, or an expression of systemd.time(7). Takes the options of
    `backup`, shows the units that it writes, and starts their timer. Without WHEN, it shows the
    schedule that there is.

    \b
    Examples:
      sudo distroclone-builder backup schedule daily --cache /media/usb/debian_backup
      sudo distroclone-builder backup schedule 'Mon..Fri 19:30' --keep-last 5 --keep-weekly 8
      distroclone-builder backup schedule
      sudo distroclone-builder backup schedule --off
    """
    if off and (when or dry_run):
        raise UsageError("--off stands alone", hint="Leave out the times and --dry-run.")
    with choose_display(json=as_json) as display:
        if off:
            gone = timer.remove(folder=timer.UNITS)
            text = say("Removed the schedule") if gone else say("There is no schedule")
            answer(display, text, {"removed": gone})
        elif when is None:
            found = timer.installed(folder=timer.UNITS)
            answer(display, *_schedule_shown(found))
        else:
            timer.check_calendar(when)
            program = (*timer.own_program(), *_engine_words(surroundings))
            units = units_of(
                Schedule(plan=_plan(**given), calendar=when, program=program, on_failure=on_failure)
            )
            if not dry_run:
                _warn_of_owner(Path(program[0]), display)
                timer.install(units, folder=timer.UNITS)
            found = timer.installed(folder=timer.UNITS)
            waits = "" if found is None or dry_run else found.next
            answer(display, _units_shown(units, next_run=waits), {
                "written": not dry_run, "timer": units.timer, "service": units.service,
                "next": waits,
            })  # fmt: skip


def _plan(
    *,
    source: Path,
    cache: Path | None,
    include_home: bool,
    exclude: tuple[str, ...],
    keep_last: int | None,
    keep_daily: int,
    keep_weekly: int,
    keep_monthly: int,
) -> BackupPlan:
    return BackupPlan(
        cache=cache_folder(cache),
        source=source,
        include_home=include_home,
        exclude=checks.excludes(tuple(map(checks.exclude, exclude))),
        retention=_retention(keep_last, daily=keep_daily, weekly=keep_weekly, monthly=keep_monthly),
    )


def _engine_words(surroundings: Surroundings) -> list[str]:
    asked = surroundings.asked
    words = [f"--engine={asked.engine}"] if asked.engine else []
    return [*words, *([f"--context={asked.context}"] if asked.context else [])]


def _warn_of_owner(program: Path, display: Display) -> None:
    if (place := timer.changeable_by(program)) is not None:
        message = "{path} can be changed by others than root, who so become root at the next backup"
        display.event(Note(level="warning", message=message, values={"path": str(place)}))


def _units_shown(units: Units, *, next_run: str) -> str:
    lines = [f"{timer.UNITS / SERVICE}:", units.service, f"{timer.UNITS / TIMER}:", units.timer]
    if next_run:
        lines.append(say("Next backup: {moment}", moment=next_run))
    return "\n".join(lines)


def _schedule_shown(found: timer.Installed | None) -> tuple[str, dict[str, object]]:
    if found is None:
        return say("There is no schedule"), {"cache": None}
    data: dict[str, object] = {
        "cache": str(found.cache),
        "next": found.next,
        "timer": found.units.timer,
        "service": found.units.service,
    }
    return _units_shown(found.units, next_run=found.next), data


def _refuse_options_before(context: click.Context, word: str) -> None:
    """Raise UsageError for options that would not reach the command behind them."""
    given = [
        each.opts[0]
        for each in context.command.params
        if each.name
        and each.expose_value
        and context.get_parameter_source(each.name) is click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        raise UsageError(
            "{option} stands before {word}, where it would be ignored",
            hint="Give it after {word}.",
            option=given[0],
            word=word,
        )


def _retention(last: int | None, *, daily: int, weekly: int, monthly: int) -> Retention:
    """Return what is kept; unasked, a cache that another program filled does not shrink."""
    asked = last is not None or daily or weekly or monthly
    return Retention(
        last=last or LAST,
        daily=daily,
        weekly=weekly,
        monthly=monthly,
        at_once=None if asked else 1,
    )


def _text_of(outcome: Outcome) -> str:
    done = outcome.done
    rows = [
        (say("System"), done.distro),
        (say("Size"), readable_size(done.size)),
        (say("Files"), say("{count}, of which {copied} were copied", count=done.entries,
                           copied=done.copied)),
        (say("Gone"), say("{count} were deleted from the copy", count=done.deleted)),
    ]  # fmt: skip
    if outcome.deleted:
        names = ", ".join(each.selector for each in outcome.deleted)
        rows.append((say("Old snapshots"), say("deleted: {names}", names=names)))
    if done.selector == SnapshotKind.CACHE.value:
        kept = say("The cache holds the backup of {date}", date=done.date)
    else:
        kept = say("Kept snapshot {number} of {date}", number=done.selector, date=done.date)
    return f"{kept}\n{columns(rows, indent='  ')}"


def _data_of(outcome: Outcome) -> dict[str, object]:
    return {
        **to_data(outcome.done),
        "deleted_snapshots": [each.selector for each in outcome.deleted],
    }


def _next_run(cache: Path) -> str | None:
    """Return when systemd makes the next backup into a cache; None where it makes none."""
    found = timer.installed(folder=timer.UNITS)
    return None if found is None or found.cache != cache else found.next


def _shown(found: Status, *, next_run: str | None) -> str:
    state = found.state
    size = state.size and f" ({state.size})"
    rows = [
        (say("Last backup"), f"{state.date or say('none has finished')}{size}"),
        (say("System"), state.distro),
        (say("Free"), say("{free} of {total}", free=readable_size(state.free),
                          total=readable_size(state.total))),
        (say("Snapshots"), _counted(found)),
    ]  # fmt: skip
    if found.newest is not None and found.age is not None:
        taken = moment(found.newest, zone=local_zone())
        newest = say(
            "{selector}, of {taken}, {age} ago",
            selector=found.newest.selector,
            taken=f"{taken:%Y-%m-%d %H:%M}",
            age=readable_age(found.age),
        )
        rows.append((say("Newest"), newest))
    rows.append((say("Next run"), say("no schedule") if next_run is None else next_run or "?"))
    lines = [columns(rows)]
    if state.running:
        lines.append(say("A backup is running."))
    lines += [say("Warning: {warning}", warning=each) for each in found.troubles]
    return "\n".join(lines)


def _counted(found: Status) -> str:
    if found.state.plain:
        return say("none: the file system knows none; the cache holds the last backup alone")
    complete = sum(each.complete for each in found.state.snapshots)
    return say("{complete} complete of {all}", complete=complete, all=len(found.state.snapshots))
