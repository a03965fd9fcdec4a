"""Reads a finished ISO, which is untrusted and may be damaged: every file with its digest."""

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from builder.basics.errors import VerificationError
from builder.basics.printable import clean
from builder.border.iso_contents import IsoContents, IsoFile
from builder.formats.package import Package
from builder.inside.iso.iso_digests import digest_iso
from builder.inside.iso.iso_packages import UnreadableError, read_iso_packages
from builder.inside.iso.iso_report import Extent, check_layout, files_argv, layout_argv, parse_files
from builder.inside.medium.identity import ESP_NAME
from builder.inside.system.system import System
from builder.inside.system.tool_error import ToolError

_COMPLAINT: Final = re.compile(r": FAILURE :|^FATAL ERROR: |^Can.t find a valid SQUASHFS")
_MOST_EXTENTS: Final = 20_000  # ours have a few hundred; each costs time in every chunk


def read_iso(iso: Path, *, system: System) -> IsoContents:
    """Return the contents of `iso`. Raises VerificationError when it is not one of our ISOs."""
    esp = partition_of(iso, system=system)
    files = files_of(iso, system=system)
    digests = digest_iso(iso, (*files, esp), progress=system.progress)
    packages, unreadable = _packages(iso, files, system=system)
    return IsoContents(
        size=digests.whole.size,
        sha256=digests.whole.sha256,
        files=tuple(
            IsoFile(path=path, size=facts.size, sha256=facts.sha256)
            for path, facts in digests.inside.items()
        ),
        packages=packages,
        unreadable=unreadable,
    )


def _packages(
    iso: Path, files: Sequence[Extent], *, system: System
) -> tuple[tuple[Package, ...], str]:
    """Return the packages, or why they cannot be read; the rest of the ISO is reported anyway."""
    try:
        return read_iso_packages(iso, files, system=system), ""
    except UnreadableError as error:
        return (), clean(str(error))


def partition_of(iso: Path, *, system: System) -> Extent:
    """Return where the EFI system partition of `iso` is.

    Raises VerificationError when the ISO does not boot on every machine as ours do.
    """
    with readable():
        partition = check_layout(system.run(layout_argv(iso)))
    return Extent(path=ESP_NAME, start=partition.start, size=partition.size)


def files_of(iso: Path, *, system: System) -> tuple[Extent, ...]:
    """Return where the files of `iso` are. Raises VerificationError when it cannot be read."""
    with readable():
        files = parse_files(system.run(files_argv(iso)))
    if len(files) > _MOST_EXTENTS:
        raise _unreadable("it lists far more files than one of ours can have")
    return files


@contextlib.contextmanager
def readable() -> Iterator[None]:
    """Turn errors of tools or of our own parsers about an ISO into VerificationError."""
    try:
        yield
    except ToolError as error:
        if error.code is None:  # not the ISO's fault
            raise
        complaints = [line for line in error.output if _COMPLAINT.search(line)]
        raise _unreadable(complaints[0] if complaints else error) from error
    except (ValueError, IndexError, EOFError) as error:
        raise _unreadable(error) from error
    except VerificationError as error:  # its hint assumes a bug of ours
        error.hint = ""
        raise


def _unreadable(reason: object) -> VerificationError:
    return VerificationError("The ISO cannot be read: {reason}", reason=reason)
