"""Options that several commands share, and the values they make."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from builder.border.events import Result
from builder.host.config.build_config import Config, Overrides, load_config
from builder.host.display import Display, JsonDisplay

Command = TypeVar("Command", bound=Callable[..., Any])


class AnyPath(click.Path):
    """A path that click does not look at: it may be another machine's, or readable by root only."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,  # noqa: ARG002
        ctx: click.Context | None,  # noqa: ARG002
    ) -> Path:
        """Return the path as it is."""
        return Path(value)


FOLDER = AnyPath(file_okay=False)
_FILE = AnyPath(dir_okay=False)

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON event a line; the last is the result."
)
cache_option = click.option(
    "--cache",
    type=FOLDER,
    metavar="DIR",
    help="The folder that holds .rootfs_cache and .backup_meta [default: /mnt/SysLinuxOS_backup].",
)
block_cache_option = click.option(
    "--block-cache",
    type=FOLDER,
    metavar="DIR",
    help="A folder that keeps the compressed blocks [default: a volume of the engine].",
)
cache_image_option = click.option(
    "--cache-image",
    type=_FILE,
    metavar="FILE",
    help="A file that holds a btrfs volume with such a folder.",
)


def answer(display: Display, text: str, data: Mapping[str, object]) -> None:
    """Give the command's result: the last event for programs, words on standard output else."""
    if isinstance(display, JsonDisplay):
        display.event(Result(data=data))
        return
    display.close()  # nothing may draw over the words
    click.echo(text)


def source_options(command: Command) -> Command:
    """Add --cache and --cache-image."""
    return cache_option(cache_image_option(command))


def config_of(
    *,
    cache: Path | None,
    cache_image: Path | None,
    path: Path | None = None,
    selector: str | None = None,
    output: Path | None = None,
    isolation: str | None = None,
    staging: str | None = None,
    compression: str | None = None,
    block_cache: Path | None = None,
    block_cache_read_only: bool = False,
    no_block_cache: bool = False,
) -> Config:
    """Return the config of a file, if any, with the flags over it."""
    return load_config(
        path,
        Overrides(
            cache=cache,
            cache_image=cache_image,
            selector=selector,
            output=output,
            isolation=isolation,
            staging=staging,
            compression=compression,
            block_cache=block_cache,
            block_cache_read_only=block_cache_read_only,
            no_block_cache=no_block_cache,
        ),
    )
