"""`distroclone-builder check`, `delete` and `restore`: what becomes of the snapshots of a cache."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from builder.basics.codec import to_data
from builder.basics.errors import ExitCode, UsageError
from builder.basics.sizes import readable_size
from builder.basics.texts import say
from builder.border.backups import Checked, Wholeness
from builder.host.backup import checking
from builder.host.backup.checking import Scrub
from builder.host.backup.deletion import Deletion, carry_out, planned_deletion
from builder.host.backup.restoring import restore as restore_paths
from builder.host.backup.retention import moment, moment_of
from builder.host.backup.system_words import done_text, plan_text
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
from builder.host.config import settings
from builder.host.display import choose_display, columns
from builder.host.source.local_zone import local_zone


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
        answer(display, _checked_text(found, scrub, troubles), data)
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
@click.option("--dry-run", is_flag=True, help="With --system: say what would be done, and end.")
@click.option("--yes", is_flag=True, help="With --system: do not ask.")
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
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Restore files to a new folder, or a system to a disk.

    PATH is in the system, e.g. /etc/fstab, and may have the wildcards of a shell. Owners, modes,
    links and attributes come back as they were. Nothing that is there is ever overwritten.

    \b
    Examples:
      distroclone-builder restore latest /etc/ssh '/home/alice/*.odt' --to restored
      distroclone-builder restore 2026-06-17 --to /mnt/disk/system
      sudo distroclone-builder restore latest --system /mnt
    """
    if (to is None) is (target is None):
        raise UsageError(
            "Give one of --to and --system", hint="--to is for files, --system for a whole disk."
        )
    if target is not None:
        if wanted:
            raise UsageError(
                "A whole system is restored without paths",
                hint="Leave out the paths, or restore them with --to.",
            )
        _restore_system(
            surroundings, selector, target, cache, dry_run=dry_run, yes=yes, as_json=as_json
        )
        return
    if dry_run or yes:
        raise UsageError("--dry-run and --yes are for --system", hint="Leave them out.")
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


def _restore_system(
    surroundings: Surroundings,
    selector: str,
    target: Path,
    cache: Path | None,
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    with choose_display(json=as_json) as display:
        engine = surroundings.open_engine()
        plan = planned_system(
            cache_folder(cache), selector, engine, folder=target.absolute(), on_event=display.event
        )
        text = plan_text(plan)
        data = {**to_data(plan), "cache": str(plan.cache), "folder": str(plan.folder)}
        if dry_run:
            answer(display, text, data | {"done": None})
            return
        display.close()  # nothing may draw over the question
        if not as_json:
            click.echo(text)
        _confirm(say("Restore?"), yes=yes, as_json=as_json)
        done = restore_system(plan, engine, on_event=display.event)
        answer(display, done_text(plan, done), data | {"done": to_data(done)})


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


def _checked_text(found: Checked, scrub: Scrub | None, troubles: tuple[str, ...]) -> str:
    words = {
        Wholeness.WHOLE: say("as it was backed up"),
        Wholeness.CHANGED: say("CHANGED"),
        Wholeness.DAMAGED: say("DAMAGED"),
        Wholeness.INCOMPLETE: say("not complete"),
        Wholeness.UNKNOWN: say("nothing was recorded to compare it with"),
    }
    rows = [(each.selector, words[each.wholeness]) for each in found.snapshots]
    read = say("{size} read", size=readable_size(found.read)) if found.read else say("not read")
    rows.append((say("Contents"), read))
    rows.append((say("Last scrub"), _scrub_text(scrub)))
    lines = [columns(rows), *(say("Warning: {warning}", warning=each) for each in troubles)]
    return "\n".join(lines if troubles else [*lines, say("Nothing is wrong.")])


def _scrub_text(scrub: Scrub | None) -> str:
    if scrub is None:
        return say("not known")
    day = f"{moment_of(scrub.began, zone=local_zone()):%Y-%m-%d}"
    return day if scrub.finished else say("{day}, not finished", day=day)
