"""`distroclone-builder backup`: make the cache, and see how it is."""

from datetime import UTC, datetime
from pathlib import Path

import click

from builder.basics.codec import to_data
from builder.basics.errors import ExitCode, UsageError
from builder.basics.sizes import readable_size
from builder.basics.texts import say
from builder.host.backup.planning import BackupPlan
from builder.host.backup.retention import LAST, Retention, moment
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
from builder.host.display import choose_display, columns
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
    source: Path,
    cache: Path | None,
    exclude: tuple[str, ...],
    keep_last: int | None,
    keep_daily: int,
    keep_weekly: int,
    keep_monthly: int,
    *,
    new: bool,
    adopt: bool,
    include_home: bool,
    as_json: bool,
) -> None:
    """Back up this system into a cache on btrfs, and keep a snapshot of it.

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
    kept = _retention(keep_last, daily=keep_daily, weekly=keep_weekly, monthly=keep_monthly)
    plan = BackupPlan(
        cache=cache_folder(cache),
        source=source,
        include_home=include_home,
        exclude=checks.excludes(tuple(map(checks.exclude, exclude))),
        new=new,
        adopt=adopt,
        retention=kept,
    )
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
    """Show how the last backup ended, what there is, and how old it is.

    Exits with 8 where something is wrong: no complete snapshot, a backup that did not finish, or
    one that is too old.

    \b
    Example:
      distroclone-builder backup status --max-age 2d
    """
    limit = None if max_age is None else parse_age(max_age)
    with choose_display(json=as_json) as display:
        state = read_state(cache_folder(cache), surroundings.open_engine(), on_event=display.event)
        found = judged(state, now=datetime.now(UTC), zone=local_zone(), max_age=limit)
        seconds = None if found.age is None else int(found.age.total_seconds())
        data = {**to_data(state), "age": seconds, "troubles": list(found.troubles)}
        answer(display, _shown(found), data)
    return int(ExitCode.BACKUP if found.troubles else ExitCode.DONE)


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
    kept = say("Kept snapshot {number} of {date}", number=done.selector, date=done.date)
    return f"{kept}\n{columns(rows, indent='  ')}"


def _data_of(outcome: Outcome) -> dict[str, object]:
    return {
        **to_data(outcome.done),
        "deleted_snapshots": [each.selector for each in outcome.deleted],
    }


def _shown(found: Status) -> str:
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
    lines = [columns(rows)]
    if state.running:
        lines.append(say("A backup is running."))
    lines += [say("Warning: {warning}", warning=each) for each in found.troubles]
    return "\n".join(lines)


def _counted(found: Status) -> str:
    complete = sum(each.complete for each in found.state.snapshots)
    return say("{complete} complete of {all}", complete=complete, all=len(found.state.snapshots))
