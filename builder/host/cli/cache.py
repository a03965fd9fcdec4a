"""`distroclone-builder check`, `delete` and `restore`: what becomes of the snapshots of a cache."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from builder.basics.codec import to_data
from builder.basics.errors import ExitCode, UsageError
from builder.basics.texts import say
from builder.host.backup import checking, rollback_words, system_words
from builder.host.backup.checked_words import checked_text
from builder.host.backup.deletion import Deletion, carry_out, planned_deletion
from builder.host.backup.restoring import restore as restore_paths
from builder.host.backup.retention import moment
from builder.host.backup.rollback import Rollback, carry_back, planned_rollback
from builder.host.backup.whole_system import planned_system, restore_system
from builder.host.command_line.options import (
    FOLDER,
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

_NOT_GIVEN: Final[Mapping[str, object]] = {
    "root": Path("/"), "include_home": False, "exclude": (), "no_backup": False,
}  # fmt: skip


@click.command()
@setting_option(settings.CACHE)
@click.option(
    "--read-data",
    is_flag=True,
    help="Read every file too, which btrfs compares with its checksums: as long as a copy takes.",
)
@click.option(
    "--max-age",
    metavar="TIME",
    help="Complain if the newest complete snapshot is older, e.g. 36h, 2d or 1w.",
)
@json_option
@pass_surroundings
def check(
    surroundings: Surroundings,
    /,
    cache: Path | None,
    max_age: str | None,
    *,
    read_data: bool,
    as_json: bool,
) -> int:
    """Check whether what a cache keeps is still as it was.

    Exits with 8 where something is wrong.

    \b
    Examples:
      distroclone-builder check --max-age 8d
      distroclone-builder check --read-data --cache /media/usb/debian_backup
    """
    limit = None if max_age is None else parse_age(max_age)
    with choose_display(json=as_json) as display:
        engine = surroundings.open_engine()
        found = checking.check(
            cache_folder(cache), engine, read_data=read_data, on_event=display.event
        )
        scrub = checking.last_scrub(found.filesystem)
        troubles = checking.troubles_of(
            found, now=datetime.now(UTC), zone=local_zone(), scrub=scrub, max_age=limit
        )
        data = {
            **to_data(found),
            "scrub": None if scrub is None else to_data(scrub),
            "troubles": list(troubles),
        }
        answer(display, checked_text(found, scrub, troubles), data)
    return int(ExitCode.BACKUP if troubles else ExitCode.DONE)


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
        raise UsageError(
            "Give one of --snapshot, --older-than and --all",
            hint="`distroclone-builder snapshots` lists what could be deleted.",
        )
    limit = None if older_than is None else parse_age(older_than)
    place = cache_folder(cache)
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
    help="A new or empty folder for what is restored.",
)
@click.option(
    "--system",
    "target",
    type=FOLDER,
    metavar="DIR",
    help="Where an empty root file system is mounted: it gets the whole system, and starts.",
)
@click.option(
    "--rollback", "back", is_flag=True, help="Make this system what it was, while it runs."
)
@click.option(
    "--root",
    type=FOLDER,
    metavar="DIR",
    default=Path("/"),
    help="With --rollback: the root of another system [default: /, this system].",
)
@click.option(
    "--include-home", is_flag=True, help="With --rollback: roll back /home and /root as well."
)
@click.option(
    "--exclude",
    metavar="PATTERN",
    multiple=True,
    help="With --rollback: what else to leave as it is, as for `backup`.",
)
@click.option(
    "--no-backup", is_flag=True, help="With --rollback: do not back up first what is there now."
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and end; not with --to.")
@click.option("--yes", is_flag=True, help="Do not ask; not with --to.")
@setting_option(settings.CACHE)
@json_option
@pass_surroundings
def restore(
    surroundings: Surroundings,
    /,
    selector: str,
    wanted: tuple[str, ...],
    to: Path | None,
    target: Path | None,
    cache: Path | None,
    *,
    back: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **of_rollback: Any,
) -> None:
    """Restore files to a new folder, or a whole system.

    PATH is in the system, e.g. /etc/fstab, and may have the wildcards of a shell. Owners, modes,
    links and attributes come back as they were. Nothing that is there is ever overwritten.

    \b
    Examples:
      distroclone-builder restore latest /etc/ssh '/home/alice/*.odt' --to restored
      distroclone-builder restore 2026-06-17 --to /mnt/disk/system
      sudo distroclone-builder restore latest --system /mnt
      distroclone-builder restore 2026-06-17 --rollback --dry-run
    """
    _check_ways(wanted, to, target, back=back, answered=dry_run or yes, of_rollback=of_rollback)
    how = _Answered(dry_run=dry_run, yes=yes, as_json=as_json)
    if back:
        asked = _rollback(selector, cache_folder(cache), **of_rollback)
        _roll_back(surroundings, asked, how)
        return
    if target is not None:
        _restore_system(surroundings, selector, target, cache_folder(cache), how)
        return
    assert to is not None
    with choose_display(json=as_json) as display:
        snapshot, done = restore_paths(
            cache_folder(cache),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answered:
    """How a plan is carried out."""

    dry_run: bool
    yes: bool
    as_json: bool


def _check_ways(
    wanted: tuple[str, ...],
    to: Path | None,
    target: Path | None,
    *,
    back: bool,
    answered: bool,
    of_rollback: Mapping[str, object],
) -> None:
    """Raise UsageError for options that do not go together."""
    if (to is not None) + (target is not None) + back != 1:
        raise UsageError(
            "Give one of --to, --system and --rollback",
            hint="--to is for files, --system for a whole disk, --rollback for this system.",
        )
    if to is None and wanted:
        raise UsageError(
            "A whole system is restored without paths",
            hint="Leave out the paths, or restore them with --to.",
        )
    if to is not None and answered:
        raise UsageError(
            "--dry-run and --yes are for --system and --rollback", hint="Leave them out."
        )
    if not back and of_rollback != _NOT_GIVEN:
        raise UsageError(
            "--root, --include-home, --exclude and --no-backup are for --rollback",
            hint="Leave them out.",
        )


def _rollback(
    selector: str,
    cache: Path,
    *,
    root: Path,
    include_home: bool,
    exclude: tuple[str, ...],
    no_backup: bool,
) -> Rollback:
    return Rollback(
        cache=cache,
        selector=selector,
        root=root,
        include_home=include_home,
        exclude=checks.excludes(tuple(map(checks.exclude, exclude))),
        saves=not no_backup,
    )


def _restore_system(
    surroundings: Surroundings, selector: str, target: Path, cache: Path, how: _Answered
) -> None:
    with choose_display(json=how.as_json) as display:
        engine = surroundings.open_engine()
        plan = planned_system(
            cache, selector, engine, folder=target.absolute(), on_event=display.event
        )
        text = system_words.plan_text(plan)
        data = {**to_data(plan), "cache": str(plan.cache), "folder": str(plan.folder)}
        if not _is_wanted(display, text, say("Restore?"), data, how):
            return
        done = restore_system(plan, engine, on_event=display.event)
        answer(display, system_words.done_text(plan, done), data | {"done": to_data(done)})


def _roll_back(surroundings: Surroundings, asked: Rollback, how: _Answered) -> None:
    with choose_display(json=how.as_json) as display:
        engine = surroundings.open_engine()
        plan = planned_rollback(asked, engine, on_event=display.event)
        data = {
            "cache": str(asked.cache), "root": str(asked.root), "saves": plan.saves,
            "snapshot": to_data(plan.snapshot), "looked": to_data(plan.looked),
            "others": list(plan.others), "continued": plan.continued,
        }  # fmt: skip
        question = say("Roll {path} back?", path=asked.root)
        if not _is_wanted(display, rollback_words.plan_text(plan), question, data, how):
            return
        done = carry_back(plan, engine, on_event=display.event)
        answer(display, rollback_words.done_text(plan, done), data | {"done": to_data(done)})


def _is_wanted(
    display: Display, text: str, question: str, data: dict[str, object], how: _Answered
) -> bool:
    """Show a plan, and ask unless that is settled; whether it is to be carried out."""
    if how.dry_run:
        answer(display, text, data | {"done": None})
        return False
    display.close()  # nothing may draw over the question
    if not how.as_json:
        click.echo(text)
    _confirm(question, yes=how.yes, as_json=how.as_json)
    return True


def _confirm(question: str, *, yes: bool, as_json: bool) -> None:
    """Ask, unless that is settled. Raises UsageError where nobody can answer."""
    if yes:
        return
    if as_json or not sys.stdin.isatty():
        raise UsageError("Nobody can be asked here", hint="Give --yes to do it without asking.")
    click.confirm(question, abort=True)


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
    _confirm(say("Delete?"), yes=yes, as_json=as_json)
