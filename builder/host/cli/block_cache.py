"""`distroclone-builder block-cache`: the store of compressed blocks."""

from pathlib import Path

import click

from builder.basics.codec import to_data
from builder.basics.sizes import readable_size
from builder.basics.texts import say
from builder.border.stored_blocks import LIMIT
from builder.host.block_cache import block_store
from builder.host.command_line.options import answer, block_cache_option, json_option, parse_size
from builder.host.command_line.surroundings import Surroundings, pass_surroundings
from builder.host.config.build_config import BlockStoreSetting
from builder.host.display import choose_display
from builder.host.image.builder_image import ensure_builder


@click.group("block-cache")
def block_cache() -> None:
    """Show or prune the store of compressed blocks.

    With it, a build compresses only blocks that no earlier build has compressed in the same way. It
    never changes a byte of an ISO.
    """


@block_cache.command()
@block_cache_option
@json_option
@pass_surroundings
def show(surroundings: Surroundings, block_cache: Path | None, *, as_json: bool) -> None:
    """Show how much the store holds.

    \b
    Example:
      distroclone-builder block-cache show
    """
    with choose_display(json=as_json) as display:
        engine = surroundings.open_engine()
        image = ensure_builder(engine, on_event=display.event)
        store = _store(block_cache, read_only=True)
        facts = block_store.show(engine, image.id, store, on_event=display.event)
        where = block_store.place(engine, store)
        text = say(
            "{values} blocks, {size}, in {where}",
            values=facts.values,
            size=readable_size(facts.size),
            where=where,
        )
        answer(display, text, {"values": facts.values, "size": facts.size, "path": where})


@block_cache.command()
@block_cache_option
@click.option(
    "--max-size",
    metavar="SIZE",
    help=f"How much to keep, e.g. 500M, 20G or 0 [default: {LIMIT >> 30}G].",
)
@json_option
@pass_surroundings
def prune(
    surroundings: Surroundings, block_cache: Path | None, max_size: str | None, *, as_json: bool
) -> None:
    """Remove the least recently used blocks.

    Every build does this automatically, with the default size. Builds may run at the same time.

    \b
    Example:
      distroclone-builder block-cache prune --max-size 2G
    """
    limit = LIMIT if max_size is None else parse_size(max_size)
    with choose_display(json=as_json) as display:
        engine = surroundings.open_engine()
        image = ensure_builder(engine, on_event=display.event)
        store = _store(block_cache)
        facts = block_store.prune(engine, image.id, store, limit=limit, on_event=display.event)
        text = say(
            "Removed {removed} blocks ({freed}); kept {values} blocks ({size})",
            removed=facts.removed,
            freed=readable_size(facts.removed_size),
            values=facts.values,
            size=readable_size(facts.size),
        )
        answer(display, text, to_data(facts))


@block_cache.command()
@block_cache_option
@pass_surroundings
def path(surroundings: Surroundings, block_cache: Path | None) -> None:
    """Print the store's folder on the engine's machine, e.g. to save it.

    \b
    Example:
      distroclone-builder block-cache path
    """
    click.echo(block_store.place(surroundings.open_engine(), _store(block_cache)))


def _store(folder: Path | None, *, read_only: bool = False) -> BlockStoreSetting:
    return BlockStoreSetting(folder=folder.absolute() if folder else None, read_only=read_only)
