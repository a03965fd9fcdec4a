"""The configuration: `build.yaml` and the flags, read, checked, and made into one frozen value.

`docs/build.yaml` explains every key, `builder/data/build.schema.json` is for editors. All that
is wrong, in the file and in the flags, is reported at once.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from builder.basics.errors import UsageError
from builder.basics.printable import short
from builder.border.plan import Isolation, Staging
from builder.formats.recipe import BootSettings, LiveSettings, Recipe
from builder.host.config import checks as rules
from builder.host.config.compression_text import PRESETS, parse_compression
from builder.host.config.nearest import nearest
from builder.host.config.problems import Place, Problems
from builder.host.config.sections import Section
from builder.host.config.yaml_reader import Kind, Scalar, read_yaml

VERSION: Final = 1
DEFAULT_CACHE: Final = Path("/mnt/SysLinuxOS_backup")
DEFAULT_SNAPSHOT: Final = "latest"
LONGEST_PARAMETERS: Final = 1024  # characters; x86 kernels take 2047 in all

_NO_FILE: Final = Scalar(place=Place(source="build.yaml"), kind=Kind.NULL, text="")

Value = TypeVar("Value")
Choice = TypeVar("Choice", bound=StrEnum)


class SourceKind(StrEnum):
    """What the system is taken from: each is the name of its key below `source`."""

    CACHE = "cache"
    CACHE_IMAGE = "cache_image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the system comes from."""

    kind: SourceKind
    path: Path
    selector: str  # of a snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockStoreSetting:
    """Which store of compressed blocks is used, and whether it may be changed."""

    folder: Path | None = None  # on the engine's host; None: our volume
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything a user may decide. All paths are absolute."""

    source: Source
    output: Path  # the folder for the results
    isolation: Isolation
    staging: Staging
    recipe: Recipe
    block_store: BlockStoreSetting | None  # None: every block is compressed


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """The flags; None where one was not given. They win over the file."""

    cache: Path | None = None
    cache_image: Path | None = None
    selector: str | None = None
    output: Path | None = None
    isolation: str | None = None
    staging: str | None = None
    compression: str | None = None
    block_cache: Path | None = None
    no_block_cache: bool = False
    block_cache_read_only: bool = False


def load_config(path: Path | None, overrides: Overrides) -> Config:
    """Return the settings of the file (None: all defaults), with the flags over them.

    A relative path in the file starts at the file's folder, one in a flag at the current one.
    Raises UsageError with a line for each problem.
    """
    problems = Problems()
    folder = path.parent if path else Path()
    top = Section(read_yaml(path, problems) if path else _NO_FILE, problems)
    if path:
        _check_version(top, problems)
    source = _source(top.section("source"), folder, problems)
    output, name, volume_id = _output(top.section("output"), folder)
    isolation = top.text("isolation", Isolation.CONFINED, _isolation)
    staging = top.text("staging", Staging.AUTO, _staging)
    compression = top.text("compression", PRESETS["standard"], parse_compression)
    live = read_live(top.section("live"))
    boot = read_boot(top.section("boot"), problems)
    exclude = top.texts("exclude", (), rules.exclude)
    top.finish()
    flags = _Flags(problems)
    config = Config(
        source=_with_flags(source, overrides, flags),
        output=flags.path("--output", overrides.output) or output,
        isolation=flags.value("--isolation", overrides.isolation, _isolation) or isolation,
        staging=flags.value("--staging", overrides.staging, _staging) or staging,
        block_store=_block_store(overrides, flags),
        recipe=Recipe(
            compression=flags.value("--compression", overrides.compression, parse_compression)
            or compression,
            live=live,
            boot=boot,
            exclude=exclude,
            name=name,
            volume_id=volume_id,
        ),
    )
    problems.raise_if_any()
    return config


def _check_version(top: Section, problems: Problems) -> None:
    top.number("version", VERSION, _version)
    if not top.has("version"):
        problems.add(
            top.place, 'The key "version" is missing; write: version: {version}', version=VERSION
        )


def _version(number: int) -> int:
    if number != VERSION:
        raise UsageError(
            "Config version {number} is not known",
            hint="This release reads version {version}.",
            number=number,
            version=VERSION,
        )
    return number


def _source(section: Section, folder: Path, problems: Problems) -> Source:
    def read(text: str) -> Path:
        return _path(text, folder)

    paths = {kind: path for kind in SourceKind if (path := section.text(kind, None, read))}
    selector = section.word_or_number("snapshot", DEFAULT_SNAPSHOT, rules.selector)
    section.finish()
    first, *others = paths or {SourceKind.CACHE: DEFAULT_CACHE}
    for other in others:
        problems.add(
            section.place_of(other),
            "{first} and {other} are not possible together; keep one",
            first=first,
            other=other,
        )
    return Source(kind=first, path=paths.get(first, DEFAULT_CACHE), selector=selector)


def _output(section: Section, folder: Path) -> tuple[Path, str | None, str | None]:
    output = section.text("folder", Path.cwd(), lambda text: _path(text, folder))
    name = section.text("name", None, rules.iso_name)
    volume_id = section.text("volume_id", None, rules.volume_id)
    section.finish()
    return output, name, volume_id


def read_live(section: Section) -> LiveSettings:
    """Return the settings of the live system; problems go where the section keeps them."""
    usual = LiveSettings()
    settings = LiveSettings(
        user=section.text("user", usual.user, rules.user_name),
        full_name=section.text("full_name", usual.full_name, rules.full_name),
        groups=section.texts("groups", usual.groups, rules.group_name),
        hostname=section.text("hostname", usual.hostname, rules.hostname),
        locale=section.text("locale", usual.locale, rules.locale),
        keyboard=section.text("keyboard", usual.keyboard, rules.keyboard),
        timezone=section.text("timezone", usual.timezone, rules.timezone),
    )
    section.finish()
    return settings


def read_boot(section: Section, problems: Problems) -> BootSettings:
    """Return the settings of the boot menu; problems go where the section keeps them."""
    usual = BootSettings()
    settings = BootSettings(
        kernel_parameters=section.texts(
            "kernel_parameters", usual.kernel_parameters, rules.kernel_parameter
        ),
        serial_console=section.text("serial_console", usual.serial_console, rules.serial_console),
        timeout_seconds=section.number(
            "timeout_seconds", usual.timeout_seconds, rules.timeout_seconds
        ),
    )
    section.finish()
    length = len(" ".join(settings.kernel_parameters))
    if length > LONGEST_PARAMETERS:
        problems.add(
            section.place_of("kernel_parameters"),
            "{length} characters of kernel parameters are too many; {longest} are possible",
            length=length,
            longest=LONGEST_PARAMETERS,
        )
    return settings


def _isolation(text: str) -> Isolation:
    return _one_of(Isolation, text, '"{value}" is not a kind of isolation')


def _staging(text: str) -> Staging:
    return _one_of(Staging, text, '"{value}" is not a way of staging')


def _one_of(known: type[Choice], text: str, message: str) -> Choice:
    if text not in tuple(known):
        meant = nearest(text, known)
        raise UsageError(
            message,
            hint="Did you mean {meant}?" if meant else "It is one of {known}.",
            value=short(text),
            meant=meant,
            known=", ".join(known),
        )
    return known(text)


def _path(text: str, folder: Path) -> Path:
    rules.path(text)
    return (folder / os.path.expanduser(text)).absolute()  # noqa: PTH111 - `~nobody` is no error


class _Flags:
    """Checks flags by the rules of the file; the place of a problem is the flag's name."""

    def __init__(self, problems: Problems) -> None:
        self.problems: Final = problems

    def value(self, flag: str, text: str | None, check: Callable[[str], Value]) -> Value | None:
        if text is None:
            return None
        try:
            return check(text)
        except UsageError as error:
            self.problems.add_error(Place(source=flag), error)
            return None

    def path(self, flag: str, path: Path | None) -> Path | None:
        text = None if path is None else os.fspath(path)
        return self.value(flag, text, lambda text: _path(text, Path()))


def _with_flags(source: Source, overrides: Overrides, flags: _Flags) -> Source:
    given = {
        SourceKind.CACHE: flags.path("--cache", overrides.cache),
        SourceKind.CACHE_IMAGE: flags.path("--cache-image", overrides.cache_image),
    }
    paths = {kind: path for kind, path in given.items() if path}
    first, *others = paths or {source.kind: source.path}
    for other in others:
        flags.problems.add(
            Place(source=_flag(other)),
            "Not possible together with {flag}; keep one",
            flag=_flag(first),
        )
    selector = flags.value("SELECTOR", overrides.selector, rules.selector) or source.selector
    return Source(kind=first, path=paths.get(first, source.path), selector=selector)


def _flag(kind: SourceKind) -> str:
    return f"--{kind.replace('_', '-')}"


def _block_store(overrides: Overrides, flags: _Flags) -> BlockStoreSetting | None:
    folder = flags.path("--block-cache", overrides.block_cache)
    if not overrides.no_block_cache:
        return BlockStoreSetting(folder=folder, read_only=overrides.block_cache_read_only)
    if folder or overrides.block_cache_read_only:
        flags.problems.add(
            Place(source="--no-block-cache"),
            "Not possible together with --block-cache or --block-cache-read-only; keep one",
        )
    return None
