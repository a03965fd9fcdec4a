"""`distroclone-builder backup`, `delete` and `restore`: make the cache, see how it is, use it."""

import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from builder.basics.codec import to_data
from builder.basics.errors import ExitCode, UsageError
from builder.basics.sizes import readable_size
from builder.basics.texts import say
from builder.host.backup.deletion import Deletion, carry_out, planned_deletion
from builder.host.backup.planning import BackupPlan
from builder.host.backup.restoring import restore as restore_paths
from builder.host.backup.retention import LAST, Retention, moment
from builder.host.backup.session import Outcome, back_up
from builder.host.backup.status import Status, judged, read_state, readable_age
from builder.host.command_line.options import FOLDER, answer, json_option, setting_option
from builder.host.command_line.surroundings import Surroundings, pass_surroundings
from builder.host.config import checks, settings
from builder.host.display import choose_display, columns
from builder.host.source.local_zone import local_zone

_HOURS = {"h": 1, "d": 24, "w": 7 * 24}


@click.group(invoke_without_command=True)
@click.option(
    "--source",
    type=FOLDER,
    metavar="DIR",
    default=Path("/"),
    help="The system to back up: a root filesystem as a folder [default: /, this system].",
)
@setting_option(settings.CACHE)
@click.option("--new", is_flag=True, help="Start a cache there, if there is none yet.")
@click.option(
    "--adopt", is_flag=True, help="Go on with a cache that another system was backed up to."
)
@click.option("--include-home", is_flag=True, help="Back up /home and /root as well.")
@click.option(
    "--exclude",
    metavar="PATTERN",
    multiple=True,
    help="What else to leave out: an rsync pattern that starts with /, e.g. /opt/games. May be "
    "given more than once.",
)
@click.option(
    "--keep-last",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"Keep the last N snapshots [default: {LAST}, and no more than one is deleted at a time].",
)
@click.option(
    "--keep-daily",
    type=click.IntRange(min=0),
    metavar="N",
    default=0,
    help="Keep the newest snapshot of each of the last N days too.",
)
@click.option(
    "--keep-weekly",
    type=click.IntRange(min=0),
    metavar="N",
    default=0,
    help="Keep the newest snapshot of each of the last N weeks too.",
)
@click.option(
    "--keep-monthly",
    type=click.IntRange(min=0),
    metavar="N",
    default=0,
    help="Keep the newest snapshot of each of the last N months too.",
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
        return
    plan = BackupPlan(
        cache=_cache(cache),
        source=source,
        include_home=include_home,
        exclude=checks.excludes(tuple(map(checks.exclude, exclude))),
        new=new,
        adopt=adopt,
        retention=_retention(keep_last, daily=keep_daily, weekly=keep_weekly, monthly=keep_monthly),
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
        state = read_state(_cache(cache), surroundings.open_engine(), on_event=display.event)
        found = judged(state, now=datetime.now(UTC), zone=local_zone(), max_age=limit)
        seconds = None if found.age is None else int(found.age.total_seconds())
        data = {**to_data(state), "age": seconds, "troubles": list(found.troubles)}
        answer(display, _shown(found), data)
    return int(ExitCode.BACKUP if found.troubles else ExitCode.DONE)


@click.command()
@click.option(
    "--snapshot",
    "selectors",
    metavar="SELECTOR",
    multiple=True,
    help="A snapshot: its number, @YYYY-MM-DD_HH:MM, a day or latest. May be given more than once.",
)
@click.option(
    "--older-than",
    metavar="TIME",
    help="All snapshots of backups that are older, e.g. 4w, but never the newest complete one.",
)
@click.option("--all", "everything", is_flag=True, help="The whole cache, with all snapshots.")
@setting_option(settings.CACHE)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_surroundings
def delete(
    surroundings: Surroundings,
    /,
    selectors: tuple[str, ...],
    older_than: str | None,
    cache: Path | None,
    *,
    everything: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Delete snapshots of a cache, or all of it.

    Says what goes, and asks. Builds that are under way are not disturbed: they read a snapshot of
    their own.

    \b
    Examples:
      distroclone-builder delete --snapshot 3 --snapshot 4
      distroclone-builder delete --older-than 4w --yes
      distroclone-builder delete --all --cache /media/usb/debian_backup
    """
    if bool(selectors) + (older_than is not None) + everything != 1:
        raise UsageError("Give one of --snapshot, --older-than and --all")
    limit = None if older_than is None else parse_age(older_than)
    place = _cache(cache)
    with choose_display(json=as_json) as display:
        engine = surroundings.open_engine()
        plan = planned_deletion(
            place, engine, selectors=selectors, older_than=limit, on_event=display.event
        )
        if plan.snapshots or everything:
            display.close()  # nothing may draw over the question
            _ask(plan, everything=everything, yes=yes, as_json=as_json)
        done = carry_out(plan, engine, everything=everything, on_event=display.event)
        names = [each.selector for each in done]
        text = (
            say("Deleted: {names}", names=", ".join(names)) if names else say("Nothing to delete")
        )
        if everything:
            text = say("Deleted the cache {path}", path=place)
        data = {
            "deleted_snapshots": names,
            "deleted_others": [each.path for each in plan.others],
            "cache": str(place),
            "all": everything,
        }
        answer(display, text, data)


@click.command()
@click.argument("selector")
@click.argument("wanted", metavar="[PATH]...", nargs=-1)
@click.option(
    "--to",
    type=FOLDER,
    metavar="DIR",
    required=True,
    help="A new or empty folder for what is restored.",
)
@setting_option(settings.CACHE)
@json_option
@pass_surroundings
def restore(
    surroundings: Surroundings,
    /,
    selector: str,
    wanted: tuple[str, ...],
    to: Path,
    cache: Path | None,
    *,
    as_json: bool,
) -> None:
    """Restore files of a snapshot, or all of it, into a new folder.

    PATH is in the system, e.g. /etc/fstab, and may have the wildcards of a shell. Owners, modes,
    links and attributes come back as they were. Nothing that is there is ever overwritten.

    \b
    Examples:
      distroclone-builder restore latest /etc/ssh '/home/alice/*.odt' --to restored
      distroclone-builder restore 2026-06-17 --to /mnt/disk/system
    """
    with choose_display(json=as_json) as display:
        snapshot, done = restore_paths(
            _cache(cache),
            selector,
            wanted,
            surroundings.open_engine(),
            target=to.absolute(),
            on_event=display.event,
        )
        text = say(
            "Restored {count} files and folders of snapshot {selector} into {path}",
            count=done.entries,
            selector=snapshot.selector,
            path=to,
        )
        answer(display, text, {**to_data(done), "selector": snapshot.selector, "folder": str(to)})


def _ask(plan: Deletion, *, everything: bool, yes: bool, as_json: bool) -> None:
    """Say what goes, and ask unless that is settled. Raises UsageError where nobody can answer."""
    rows = [
        (each.selector, f"{moment(each, zone=local_zone()):%Y-%m-%d %H:%M}")
        for each in plan.snapshots
    ]
    rows += [(each.path, say("is no snapshot of a backup")) for each in plan.others]
    if not as_json:
        if rows:
            click.echo(say("To be deleted:") + "\n" + columns(rows, indent="  "))
        if everything:
            click.echo(say("and with them the whole cache in {path}", path=plan.cache))
    if yes:
        return
    if as_json or not sys.stdin.isatty():
        raise UsageError("Nobody can be asked here", hint="Give --yes to delete without asking.")
    click.confirm(say("Delete?"), abort=True)


def parse_age(text: str) -> timedelta:
    """Read a time such as 36h, 2d or 1w. Raises UsageError."""
    found = re.fullmatch(r"([0-9]{1,5})([hdw])", text)
    if found is None:
        raise UsageError(
            'Invalid time "{text}"',
            hint="Use a whole number with h, d or w for hours, days or weeks, e.g. 36h.",
            text=text[:80],
        )
    return timedelta(hours=int(found[1]) * _HOURS[found[2]])


def _cache(given: Path | None) -> Path:
    return (given or settings.CACHE.default).absolute()


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
