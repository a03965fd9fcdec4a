"""The configuration: `build.yaml` and the flags, read, checked, and made into one frozen value.

`builder/host/config/settings.py` declares every setting. All problems in the file and the flags are
reported at once. Of the host, this package imports only itself and `yaml`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from builder.border.plan import Isolation, Staging
from builder.border.privacy import Privacy
from builder.border.source import SourceKind
from builder.formats.added_packages import AddedTo
from builder.formats.recipe import Recipe
from builder.host.config import settings
from builder.host.config.forms import Reading
from builder.host.config.recipe_settings import RECIPE, USUAL
from builder.host.config.setting import Setting
from builder.host.config.settings import SourceOn
from builder.host.config.values import Given, Values, read_values, recipe_of
from builder.host.yaml.nodes import Kind, Scalar, node_of
from builder.host.yaml.problems import Location, Problems
from builder.host.yaml.reader import read_yaml
from builder.host.yaml.sections import Section

FlagValue = str | Path | bool | tuple[str, ...] | None

_NO_FILE: Final = Scalar(place=Location(source="build.yaml"), kind=Kind.NULL, text="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the system comes from."""

    kind: SourceKind
    path: Path
    selector: str  # of a snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockStoreSetting:
    """Which store of compressed blocks is used, whether it may be changed, and by which key."""

    folder: Path | None = None  # on the engine's host; None: our volume
    read_only: bool = False
    key: Path | None = None  # a file on this machine; None: its values are not authenticated


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagesSetting:
    """What is added to the system and what goes from it, and where the files come from."""

    install: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    layer: AddedTo = AddedTo.SYSTEM
    lock: Path | None = None  # None: what the archives have now
    folder: Path | None = None  # on the engine's host; None: our volume

    @property
    def wanted(self) -> bool:
        """Whether the system is to have other packages than it has."""
        return bool(self.install or self.remove)

    @property
    def has_step(self) -> bool:
        """Whether a build has a step in which that is done."""
        return self.wanted and self.layer is AddedTo.SYSTEM


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything a user may decide. All paths are absolute."""

    source: Source
    output: Path  # the folder for the results
    isolation: Isolation
    staging: Staging
    privacy: Privacy
    recipe: Recipe
    block_store: BlockStoreSetting | None  # None: every block is compressed
    packages: PackagesSetting = PackagesSetting()
    source_on: SourceOn = SourceOn.ENGINE


class Overrides:
    """The flags by the names of their parameters, e.g. `cache_image`; they override the file.

    None, False and an empty list count as not given.
    """

    def __init__(self, **flags: FlagValue) -> None:
        self._given: Final = {
            settings.FLAGS[name]: value
            for name, value in flags.items()
            if value is not None and value is not False and value != ()
        }

    def read(self, problems: Problems) -> Values:
        """Check them like the file; the location of a problem is the flag's name."""
        reading = Reading(problems=problems, folder=Path())
        read: dict[Setting[Any], Given] = {}
        for setting, given in self._given.items():
            assert setting.flag is not None  # FLAGS has no other
            node = node_of(given, setting.flag.name)
            if (value := setting.form.read(node, reading)) is not None:
                read[setting] = Given(value=value, place=node.place)
        return Values(read)


def load_config(path: Path | None, overrides: Overrides) -> Config:
    """Return the settings of the file (None: all defaults), with the flags over them.

    A relative path in the file starts at the file's folder, one in a flag at the current one.
    Raises UsageError with a line for each problem.
    """
    problems = Problems()
    file = _read_file(path, problems)
    flags = overrides.read(problems)
    values = flags.over(file)
    config = Config(
        source=_source(file, flags, problems),
        output=values.of(settings.OUTPUT) or Path.cwd(),
        isolation=values.of(settings.ISOLATION),
        staging=values.of(settings.STAGING),
        privacy=Privacy(mode=values.of(settings.PRIVACY), allow=values.of(settings.ALLOW)),
        recipe=recipe_of(values, USUAL, RECIPE),
        block_store=_block_store(flags, problems),
        packages=_packages(values, problems),
        source_on=flags.of(settings.SOURCE_ON),
    )
    problems.raise_if_any()
    return config


def _read_file(path: Path | None, problems: Problems) -> Values:
    top = Section(read_yaml(path, problems) if path else _NO_FILE, problems)
    if path and not top.has(settings.VERSION.key):
        problems.add(
            top.place,
            'The key "version" is missing; add: version: {version}',
            version=settings.VERSION.default,
        )
    folder = path.parent if path else Path()
    return read_values(top, settings.KEYS, Reading(problems=problems, folder=folder))


def _source(file: Values, flags: Values, problems: Problems) -> Source:
    """Return the only source of the flags, or else of the file, or else the usual one."""
    in_file, in_flags = _sources(file), _sources(flags)
    for other in in_file[1:]:
        problems.add(
            file.place_of(other),
            "{first} and {other} cannot be used together; keep one",
            first=in_file[0].name,
            other=other.name,
        )
    for other in in_flags[1:]:
        problems.add(
            flags.place_of(other),
            "Cannot be used together with {flag}; keep one",
            flag=flags.place_of(in_flags[0]),
        )
    setting = (*in_flags, *in_file, settings.CACHE)[0]
    values = flags.over(file)
    return Source(
        kind=SourceKind(setting.name),  # the kinds are named as their keys
        path=values.of(setting),
        selector=values.of(settings.SNAPSHOT),
    )


def _sources(values: Values) -> list[Setting[Any]]:
    return [setting for setting in settings.SOURCES if values.has(setting)]


def _packages(values: Values, problems: Problems) -> PackagesSetting:
    install, remove = values.of(settings.INSTALL), values.of(settings.REMOVE)
    setting = PackagesSetting(
        install=tuple(sorted(set(install))),
        remove=tuple(sorted(set(remove))),
        layer=values.of(settings.PACKAGES_LAYER),
        lock=values.of(settings.PACKAGES_LOCK),
        folder=values.of(settings.PACKAGES_FROM),
    )
    if setting.lock is not None and not setting.wanted:
        problems.add(
            values.place_of(settings.PACKAGES_LOCK),
            "A lock is no use without packages to add; name them with --install or "
            "packages.install",
        )
    for name in sorted({*setting.install} & {*setting.remove}):
        problems.add(
            values.place_of(settings.REMOVE),
            'The package "{name}" cannot be both added and removed; keep one',
            name=name,
        )
    return setting


def _block_store(flags: Values, problems: Problems) -> BlockStoreSetting | None:
    folder = flags.of(settings.BLOCK_CACHE)
    read_only = flags.of(settings.BLOCK_CACHE_READ_ONLY)
    key = flags.of(settings.BLOCK_CACHE_KEY)
    if not flags.of(settings.NO_BLOCK_CACHE):
        return BlockStoreSetting(folder=folder, read_only=read_only, key=key)
    if folder or read_only or key:
        problems.add(
            flags.place_of(settings.NO_BLOCK_CACHE),
            "Cannot be used together with --block-cache, --block-cache-read-only or "
            "--block-cache-key; keep one",
        )
    return None
