"""`distroclone-builder packages`: the lock of packages that builds add."""

from dataclasses import replace
from pathlib import Path

import click

from builder.basics.codec import to_data
from builder.basics.errors import UsageError
from builder.basics.texts import say
from builder.border.labels import new_run
from builder.formats.added_packages import PackagesLock, lock_text
from builder.host.added import store
from builder.host.added.resolving import read_lock, write_lock
from builder.host.added.words import lock_words
from builder.host.build.choice import prepare
from builder.host.command_line.options import (
    AnyPath,
    answer,
    config_of,
    json_option,
    setting_option,
    source_options,
)
from builder.host.command_line.surroundings import Surroundings, pass_surroundings
from builder.host.config import settings
from builder.host.config.build_config import FlagValue, PackagesSetting
from builder.host.display import choose_display
from builder.host.image.builder_image import ensure_builder
from builder.host.report.outputs import check_outputs
from builder.host.sent.sending import at_engine

_FILE = AnyPath(dir_okay=False)


@click.group()
def packages() -> None:
    """Choose, show and fetch packages that builds add to systems.

    A lock names each file by its SHA-256: the same lock gives the same ISO.
    """


@packages.command()
@setting_option(settings.SNAPSHOT)
@source_options
@setting_option(settings.INSTALL)
@setting_option(settings.REMOVE)
@click.option("--config", "config_file", type=_FILE, metavar="FILE", help="A build.yaml.")
@click.option(
    "--lock",
    "target",
    type=_FILE,
    default=Path("packages.lock"),
    metavar="FILE",
    help="Where the lock goes [default: packages.lock].",
)
@json_option
@pass_surroundings
def lock(
    surroundings: Surroundings,
    /,
    config_file: Path | None,
    target: Path,
    *,
    as_json: bool,
    **flags: FlagValue,
) -> None:
    """Write a lock of what the system's archives have now.

    \b
    Example:
      distroclone-builder packages lock latest --install gparted --install gddrescue
    """
    config = config_of(config_file, **flags)
    if not config.packages.wanted:
        raise UsageError(
            "No package is named",
            hint="Give --install NAME or --remove NAME, or packages.install in a build.yaml.",
        )
    check_outputs([target], as_json=False)
    config = replace(config, packages=replace(config.packages, lock=None))
    with choose_display(json=as_json) as display:
        engine = surroundings.open_engine()
        config = at_engine(config, engine, on_event=display.event)
        found = prepare(config, engine, run=new_run(), on_event=display.event).packages
        assert found is not None  # there are wishes
        write_lock(target, lock_text(found))
        written = say("Wrote {path}", path=target)
        answer(display, f"{lock_words(found)}\n{written}", {"lock": str(target), **_data(found)})


@packages.command()
@click.argument("path", metavar="LOCK", type=_FILE)
@json_option
def show(path: Path, *, as_json: bool) -> None:
    """Show what a lock adds, from where, and what it replaces.

    \b
    Example:
      distroclone-builder packages show packages.lock
    """
    found = read_lock(path)
    with choose_display(json=as_json) as display:
        answer(display, lock_words(found), _data(found))


@packages.command()
@click.argument("path", metavar="LOCK", type=_FILE)
@setting_option(settings.PACKAGES_FROM)
@json_option
@pass_surroundings
def fetch(
    surroundings: Surroundings, path: Path, packages_from: Path | None, *, as_json: bool
) -> None:
    """Fetch the files of a lock, for builds without a network.

    \b
    Example:
      distroclone-builder packages fetch packages.lock --packages-from debs
    """
    found = read_lock(path)
    folder = packages_from.absolute() if packages_from is not None else None
    with choose_display(json=as_json) as display:
        engine = surroundings.open_engine()
        image = ensure_builder(engine, on_event=display.event)
        setting = PackagesSetting(folder=folder)
        got = store.fetch(engine, image.id, found, setting, on_event=display.event)
        text = say("All {count} files are there", count=len(found.packages))
        answer(display, text, to_data(got))


def _data(lock: PackagesLock) -> dict[str, object]:
    return {
        "packages": to_data(lock.packages),
        "removed": to_data(lock.removed),
        "size": lock.size,
    }
