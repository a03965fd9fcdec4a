"""`distroclone-builder sweep`: remove what crashed runs left behind."""

from pathlib import Path

import click

from builder.basics.codec import to_data
from builder.basics.errors import HostError
from builder.basics.texts import say
from builder.host.command_line.options import FOLDER, answer, json_option
from builder.host.command_line.surroundings import Surroundings, pass_surroundings
from builder.host.display import choose_display
from builder.host.image.builder_image import ensure_builder
from builder.host.sent.sending import remove_sent
from builder.host.upkeep.sweep import sweep_leftovers


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
            "Removed {containers} containers, {volumes} volumes, {images} images and {frozen} "
            "frozen snapshots.",
            containers=len(swept.containers),
            volumes=len(swept.volumes),
            images=len(swept.images),
            frozen=len(swept.frozen),
        )
        removed = remove_sent(engine) if sent else ()
        if sent:
            text += "\n" + say("Removed {count} copies of sources.", count=len(removed))
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
            hint="Mount the cache's drive, then run `distroclone-builder sweep` again.",
            failures="; ".join(swept.failures),
        )
