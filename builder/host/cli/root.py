"""The command line."""

import click
from click.shell_completion import get_completion_class

from builder import __version__
from builder.host.cli.backup import backup
from builder.host.cli.block_cache import block_cache
from builder.host.cli.boot_test import boot_test
from builder.host.cli.build import build
from builder.host.cli.builds import builds
from builder.host.cli.cache import check, delete, restore
from builder.host.cli.diff import diff
from builder.host.cli.image import image
from builder.host.cli.installer import install_test, installer
from builder.host.cli.packages import packages
from builder.host.cli.privacy import privacy
from builder.host.cli.reproduce import reproduce
from builder.host.cli.snapshots import browse, snapshots
from builder.host.cli.stick import stick
from builder.host.cli.upkeep import doctor, sweep
from builder.host.cli.verify import sign, verify
from builder.host.command_line.surroundings import engine_options

_EPILOG = """\b
Exit codes: 0 done, 2 usage or config, 3 engine or host, 4 the cache or snapshot cannot be used,
5 a build step failed, 6 the result failed verification, 7 something private would be packed,
8 a backup is missing, unfinished, too old or damaged, 70 a defect of this program, 130 interrupted.
"""


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="distroclone-builder")
def cli() -> None:
    """Turn a DistroClone Backup cache into a bootable, reproducible live ISO.

    Whatever touches a system does so in a container, whose tools are always the same. Only `backup`
    and `delete` change a cache.
    """


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for a shell.

    \b
    Example:
      source <(distroclone-builder completion bash)
    """
    found = get_completion_class(shell)
    assert found is not None  # the choice names only shells that click knows
    variable = "_DISTROCLONE_BUILDER_COMPLETE"
    click.echo(found(cli, {}, "distroclone-builder", variable).source())


for command in (
    backup, block_cache, boot_test, browse, build, builds, check, delete, diff, doctor, image,
    install_test, installer, packages, privacy, reproduce, restore, sign, snapshots, stick, sweep,
    verify,
):  # fmt: skip
    cli.add_command(command)

engine_options(cli)
for command in (
    backup, *backup.commands.values(), *block_cache.commands.values(), boot_test, browse, build,
    *builds.commands.values(), check, delete, diff, doctor, *image.commands.values(), install_test,
    packages.commands["lock"], packages.commands["fetch"], privacy, reproduce, restore,
    snapshots, sweep, verify,
):  # fmt: skip
    engine_options(command, hidden=True)  # after the command they do the same
