"""`distroclone-builder stick`: write an ISO to a USB stick."""

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from builder.basics.codec import to_data
from builder.basics.errors import UsageError
from builder.basics.printable import printable_lines
from builder.basics.sizes import readable_size
from builder.basics.texts import say
from builder.host.command_line.options import AnyPath, answer, json_option, parse_size
from builder.host.display import choose_display
from builder.host.stick.layout import Persistence
from builder.host.stick.stick import Prepared, StickResult, Wish, prepared, write_stick
from builder.host.stick.summary import summary

_REST: Final = "rest"
_NAME: Final = "Type {name} to erase it, anything else to stop"


@click.command()
@click.argument("iso", type=AnyPath(dir_okay=False))
@click.argument("target", type=AnyPath(dir_okay=False), metavar="DEVICE|FILE")
@click.option(
    "--persistence",
    metavar="SIZE|rest",
    help="Add a partition behind the ISO that keeps what is changed in the live system, e.g. 8G; "
    "`rest` takes all that is free.",
)
@click.option(
    "--yes",
    metavar="NAME",
    help="Do not ask, if this is the device's name (sdb or /dev/sdb) or the path of the file: for "
    "scripts.",
)
@click.option(
    "--size",
    metavar="SIZE",
    help="How large a new file becomes, e.g. 8G [default: as large as needed].",
)
@click.option(
    "--allow-fixed-disk",
    is_flag=True,
    help="Also write to a disk that is neither removable nor on USB.",
)
@json_option
def stick(
    iso: Path,
    target: Path,
    persistence: str | None,
    yes: str | None,
    size: str | None,
    *,
    allow_fixed_disk: bool,
    as_json: bool,
) -> None:
    """Write an ISO to a USB stick, and read it back.

    The stick is erased as a whole. It must be removable and in no use by anything. You see what it
    is and what is on it, and type its name before anything is written. The ISO is compared with
    SHA256SUMS or the manifest beside it, if there is one. With a FILE instead of a device, the
    stick is made as a file: for virtual machines, or to write it elsewhere.

    \b
    Examples:
      sudo distroclone-builder stick Debian-13-xfce.iso /dev/sdb
      sudo distroclone-builder stick Debian-13-xfce.iso /dev/sdb --persistence rest
      sudo distroclone-builder stick Debian-13-xfce.iso /dev/sdb --yes sdb
      distroclone-builder stick Debian-13-xfce.iso stick.img --size 8G
    """
    wish = Wish(
        iso=iso,
        target=target,
        new_size=None if size is None else parse_size(size),
        persistence=None if persistence is None else _wished(persistence),
        allow_fixed=allow_fixed_disk,
    )
    with prepared(wish) as job:
        _confirm(job, yes, ask=not as_json)
        with choose_display(json=as_json) as display:
            result = write_stick(job, on_event=display.event)
            answer(display, printable_lines("\n".join(_words(job, result))), to_data(result))


def _wished(text: str) -> Persistence:
    return Persistence(size=None if text == _REST else parse_size(text))


def _confirm(job: Prepared, yes: str | None, *, ask: bool) -> None:
    """Show what would be erased, and have somebody confirm it. Raises UsageError otherwise."""
    target = job.target
    if target.is_new:
        return
    names = {target.name, str(target.path)}
    if target.disk is not None:
        names.add(f"/dev/{target.name}")
    if yes is not None:
        if yes not in names:
            raise UsageError(
                "--yes names {said}, and what would be erased is {name}; nothing was written",
                hint="`lsblk` shows which disk is which. If {name} may be erased: --yes {word}.",
                said=yes,
                name=target.name,
                word=shlex.quote(target.name),
            )
        return
    if not ask or not sys.stdin.isatty():
        raise UsageError(
            "Nobody is at a terminal to say that {name} may be erased; nothing was written",
            hint="In a script, name it once more: --yes {word}.",
            name=target.name,
            word=shlex.quote(target.name),
        )
    click.echo(printable_lines(summary(job)), err=True)
    typed = click.prompt(
        say(_NAME, name=target.name), default="", show_default=False, err=True
    ).strip()
    if typed not in names:
        raise UsageError(
            "{name} was not confirmed; nothing was written",
            hint="To erase it, start the command again and type {name}.",
            name=target.name,
        )


def _words(job: Prepared, result: StickResult) -> Iterator[str]:
    yield say(
        "{iso} is on {name}, read back and the same ({written} written)",
        iso=result.iso,
        name=job.target.name,
        written=readable_size(result.written),
    )
    if result.persistence:
        yield say(
            "Partition {number} keeps what is changed, {size}: choose persistence in the boot menu",
            number=job.layout.number,
            size=readable_size(result.persistence),
        )
    if result.checked_by:
        yield say("The ISO has the checksum in {file}", file=result.checked_by)
    else:
        yield say("Nothing beside the ISO has its checksum, so that was not checked")
    if not job.iso.is_ours:
        yield say("The ISO does not say that distroclone-builder made it")
    yield say("SHA-256 {digest}", digest=result.iso_sha256)
