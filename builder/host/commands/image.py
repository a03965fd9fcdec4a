"""`distroclone-builder image`: the builder image."""

import click

from builder.host.commands.options import answer, json_option
from builder.host.delivery import readable_size
from builder.host.display import choose_display
from builder.host.engine import connect
from builder.host.image import build_builder, builder_tag, find_builder
from builder.host.lock import refresh_lock
from builder.host.resources import base_pin
from builder.names import LABEL_BASE
from builder.texts import say


@click.group()
def image() -> None:
    """Build, show or pin the builder image.

    It holds every tool that decides a byte of an ISO.
    """


@image.command()
@click.option(
    "--unlocked",
    is_flag=True,
    help="Take the archive's current tools; the image and its manifests then say so.",
)
@json_option
def build(*, unlocked: bool, as_json: bool) -> None:
    """Build the image with the versions of the lock file.

    The base is pulled by digest; where no registry answers, it is bootstrapped from Debian's
    packages with mmdebstrap.

    \b
    Example:
      distroclone-builder image build
    """
    with choose_display(json=as_json) as display:
        made = build_builder(connect(), locked=not unlocked, on_event=display.event)
        text = say("Built {tag}", tag=builder_tag(locked=made.locked))
        answer(display, text, {"id": made.id, "locked": made.locked})


@image.command()
@json_option
def show(*, as_json: bool) -> None:
    """Show the image that fits this version.

    Also where its base came from, and whether its tools are the locked ones.

    \b
    Example:
      distroclone-builder image show --json
    """
    with choose_display(json=as_json) as display:
        engine = connect()
        found = find_builder(engine)
        facts = engine.images.find(found.id) if found else None
        if found is None or facts is None:
            text = say("No image yet; `distroclone-builder image build` makes it.")
            answer(display, text, {"id": None})
            return
        origin = facts.labels.get(LABEL_BASE, "")
        lines = (
            say("Image   {tag}", tag=builder_tag(locked=found.locked)),
            say("Id      {id}", id=found.id),
            say("Size    {size}", size=readable_size(facts.size)),
            say("Base    {pin} ({origin})", pin=base_pin().reference, origin=origin),
            say("Tools   {state}", state=say("locked") if found.locked else say("unlocked")),
        )
        data = {"id": found.id, "locked": found.locked, "base": origin}
        answer(display, "\n".join(lines), data)


@image.command()
def lock() -> None:
    """Renew the lock file from Debian's archive.

    Writes the versions that the archive has now, and shows what that changes. Works in a checkout
    of the project; review the result and commit it.

    \b
    Example:
      distroclone-builder image lock
    """
    with choose_display(json=False) as display:
        changes = refresh_lock(connect(), on_event=display.event)
        lines = [f"{change.name}: {change.before} -> {change.after}" for change in changes]
        answer(display, "\n".join(lines) or say("The lock is up to date."), {})
