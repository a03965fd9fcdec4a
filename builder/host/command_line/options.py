"""Options that several commands share, those of the settings, and the config they make."""

import os
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from builder.basics.errors import UsageError
from builder.basics.texts import say
from builder.border.events import Result
from builder.host.config import settings
from builder.host.config.build_config import Config, FlagValue, Overrides, load_config
from builder.host.config.forms import Choice, FilePath, Switch, Texts
from builder.host.config.setting import Setting
from builder.host.config.words import default_text
from builder.host.display import Display, JsonDisplay

Command = TypeVar("Command", bound=Callable[..., Any])


class AnyPath(click.Path):
    """A path that click does not check: it may be on another machine, or readable by root only."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Path:
        """Return the path as it is; an empty one, as of a variable that is not set, is none."""
        if not os.fspath(value):
            self.fail(say("it is empty"), param, ctx)
        return Path(value)


FOLDER = AnyPath(file_okay=False)
_FILE = AnyPath(dir_okay=False)
_HOURS = {"h": 1, "d": 24, "w": 7 * 24}
_SHIFTS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}

json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON event per line; the last one is the result.",
)

private_option = click.option(
    "--private",
    type=AnyPath(dir_okay=False),
    metavar="FILE",
    help="The build's .private.json file [default: the one beside the ISO, if it is there].",
)


def setting_option(setting: Setting[Any]) -> Callable[[Command], Command]:
    """Return what adds the flag of a setting to a command."""
    flag = setting.flag
    assert flag is not None
    if flag.is_argument:
        return click.argument(flag.parameter, required=False)
    text = option_help(setting)
    match setting.form:
        case Switch():
            return click.option(flag.name, is_flag=True, help=text)
        case Choice(words=words):
            choice = click.Choice([word.value for word in words])
            return click.option(flag.name, type=choice, help=text)
        case FilePath(is_folder=is_folder):
            path = FOLDER if is_folder else _FILE
            return click.option(flag.name, type=path, metavar=flag.metavar, help=text)
        case Texts():
            return click.option(flag.name, metavar=flag.metavar, multiple=True, help=text)
        case _:
            return click.option(flag.name, metavar=flag.metavar, help=text)


def option_help(setting: Setting[Any]) -> str:
    """Return the setting's sentence, with its default where it has one in words."""
    default = default_text(setting)
    return f"{setting.about.removesuffix('.')} [default: {default}]." if default else setting.about


block_cache_option = setting_option(settings.BLOCK_CACHE)


def answer(display: Display, text: str, data: Mapping[str, object]) -> None:
    """Give the command's result: as the last event with --json, otherwise as text."""
    if isinstance(display, JsonDisplay):
        display.event(Result(data=data))
        return
    display.close()  # nothing may draw over the words
    click.echo(text)


def cache_folder(given: Path | None) -> Path:
    """Return the folder of the cache that --cache names."""
    return (given or settings.CACHE.default).absolute()


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


def parse_size(text: str) -> int:
    """Read a number of bytes, with K, M, G or T for powers of 1024. Raises UsageError."""
    found = re.fullmatch(r"([0-9]{1,12})([KMGT]?)", text.upper())
    if found is None:
        raise UsageError(
            'Invalid size "{size}"',
            hint="Use a whole number, optionally with K, M, G or T, e.g. 5G.",
            size=text[:80],
        )
    return int(found[1]) << _SHIFTS[found[2]]


def source_options(command: Command) -> Command:
    """Add the flag of each kind of source: --cache, --cache-image and --tree; and --source-on."""
    for setting in reversed((*settings.SOURCES, settings.SOURCE_ON)):
        command = setting_option(setting)(command)
    return command


def setting_options(command: Command) -> Command:
    """Add each setting that can be given on the command line."""
    for setting in reversed(list(settings.FLAGS.values())):
        command = setting_option(setting)(command)
    return command


def config_of(path: Path | None = None, /, **flags: FlagValue) -> Config:
    """Return the config of a file, if any, with the flags over it."""
    return load_config(path, Overrides(**flags))
