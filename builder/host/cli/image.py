"""`distroclone-builder image`: the builder image."""

import click

from builder.basics.codec import to_data
from builder.basics.errors import UsageError
from builder.basics.sizes import readable_size
from builder.basics.texts import say
from builder.border.labels import LABEL_BASE
from builder.host.command_line.options import answer, json_option
from builder.host.command_line.surroundings import Surroundings, pass_surroundings
from builder.host.display import choose_display, columns
from builder.host.image.builder_image import build_builder, builder_tag, find_builder, tools_tag
from builder.host.image.image_prune import prune_images
from builder.host.image.lock import LockChange, Package
from builder.host.image.lock_refresh import refresh_lock
from builder.host.image.package_archive import archives_of
from builder.host.image.resources import base_pin, builder_lock


@click.group()
def image() -> None:
    """Build, show or pin the builder image.

    It contains every tool that decides a byte of an ISO.
    """


@image.command()
@click.option(
    "--unlocked",
    is_flag=True,
    help="Use the archive's current packages; the image and its manifests then say so.",
)
@click.option(
    "--archive",
    "sources",
    multiple=True,
    metavar="SOURCE",
    help="Look for packages here first: a folder with .deb files, or the URL of an archive of "
    "old versions; may be repeated.",
)
@click.option(
    "--fresh",
    is_flag=True,
    help="Ignore everything that earlier builds left in the engine, to prove that the image "
    "comes out the same.",
)
@json_option
@pass_surroundings
def build(
    surroundings: Surroundings,
    *,
    unlocked: bool,
    sources: tuple[str, ...],
    fresh: bool,
    as_json: bool,
) -> None:
    """Build the image from the packages in the lock file.

    Each package is checked against the lock's sha256, so the image has the same id on every
    machine. It is put together in the pinned base image or, if no registry has that, in one
    bootstrapped with mmdebstrap.

    \b
    Examples:
      distroclone-builder image build
      distroclone-builder image build --archive /srv/debs --fresh
    """
    if unlocked and sources:
        raise UsageError(
            "--archive and --unlocked cannot be used together",
            hint="Leave out --unlocked for the packages in the lock file, or --archive for those "
            "that the archive has now.",
        )
    archives = archives_of(sources)
    with choose_display(json=as_json) as display:
        made = build_builder(
            surroundings.open_engine(),
            locked=not unlocked,
            archives=archives,
            fresh=fresh,
            on_event=display.event,
        )
        text = say("Built {tag}\n{id}", tag=builder_tag(locked=made.locked), id=made.id)
        answer(display, text, {"id": made.id, "locked": made.locked})


@image.command()
@json_option
@pass_surroundings
def show(surroundings: Surroundings, *, as_json: bool) -> None:
    """Show the image that fits this version.

    Also shows where its base came from, and whether its tools are the locked ones.

    \b
    Example:
      distroclone-builder image show --json
    """
    with choose_display(json=as_json) as display:
        engine = surroundings.open_engine()
        found = find_builder(engine)
        facts = engine.images.find(found.id) if found else None
        if found is None or facts is None:
            text = say("No image yet. To build one: `distroclone-builder image build`.")
            answer(display, text, {"id": None})
            return
        tools = engine.images.find(tools_tag(locked=found.locked))
        origin = tools.labels.get(LABEL_BASE, "") if tools else ""
        rows = (
            (say("Image"), builder_tag(locked=found.locked)),
            (say("Id"), found.id),
            (say("Size"), readable_size(facts.size)),
            (say("Tools"), _tools(locked=found.locked)),
            (say("Made in"), _base(origin)),
        )
        data = {"id": found.id, "locked": found.locked, "base": origin}
        answer(display, columns(rows), data)


def _tools(*, locked: bool) -> str:
    if not locked:
        return say("unlocked")
    return say("locked, the packages of {date}", date=builder_lock().date)


def _base(origin: str) -> str:
    if not origin:
        return say("a base image that is no longer known")
    return say("{pin} ({origin})", pin=base_pin().reference, origin=origin)


@image.command()
@pass_surroundings
def lock(surroundings: Surroundings) -> None:
    """Renew the lock file from Debian's archive.

    Writes the archive's current packages for the file's `want` lines, with their sha256, and shows
    the changes. Works in a checkout of the project; review the result and commit it.

    \b
    Example:
      distroclone-builder image lock
    """
    with choose_display(json=False) as display:
        changes = refresh_lock(surroundings.open_engine(), on_event=display.event)
        rows = [_change(each) for each in changes]
        answer(display, columns(rows) if rows else say("The lock is up to date."), {})


def _change(change: LockChange) -> tuple[str, str]:
    match change.before, change.after:
        case None, Package() as added:
            return say("added"), f"{added.name} {added.version}"
        case Package() as removed, None:
            return say("removed"), f"{removed.name} {removed.version}"
        case Package() as before, Package() as after if before.version == after.version:
            return say("changed"), say("{package} (other file or section)", package=after)
        case before, after:
            versions = " -> ".join(each.version for each in (before, after) if each)
            return say("changed"), f"{change.name} {versions}"


@image.command()
@json_option
@pass_surroundings
def prune(surroundings: Surroundings, *, as_json: bool) -> None:
    """Remove the images of other versions of this program.

    To rebuild an ISO that one of them made, that image must first be built again from its version's
    lock. Images that a container uses stay.

    \b
    Example:
      distroclone-builder image prune
    """
    with choose_display(json=as_json) as display:
        pruned = prune_images(surroundings.open_engine())
        text = say(
            "Images removed: {count}; {size} freed",
            count=len(pruned.images),
            size=readable_size(pruned.freed),
        )
        answer(display, text, to_data(pruned))
