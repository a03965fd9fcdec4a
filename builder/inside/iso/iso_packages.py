"""The package database in an ISO, which is untrusted and may be damaged.

Nothing is unpacked, mounted or written: unsquashfs 4.6 reads one file of the squashfs inside the
ISO.
"""

import contextlib
import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from builder.formats.package import Package
from builder.inside.debian.dpkg import MOST_BYTES, STATUS, parse_status
from builder.inside.iso.iso_report import Extent
from builder.inside.medium import identity as medium
from builder.inside.system.system import System
from builder.inside.system.tool_error import ToolError

_CRASHES: Final = frozenset({"SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV"})


class UnreadableError(Exception):
    """The package database cannot be read, because of the ISO."""


def read_iso_packages(
    iso: Path, extents: Sequence[Extent], *, system: System
) -> tuple[Package, ...]:
    """Return the packages that are installed in the live system, sorted.

    They are those of the live layer where it has a database of its own. Raises UnreadableError when
    the ISO is at fault, StepError otherwise.
    """
    if any(each.path == medium.LIVE_SQUASHFS for each in extents):
        with contextlib.suppress(UnreadableError):  # it has none: what is below counts
            return _packages(iso, _start(extents, medium.LIVE_SQUASHFS), system=system)
    return _packages(iso, _start(extents, medium.SQUASHFS), system=system)


def _packages(iso: Path, start: int, *, system: System) -> tuple[Package, ...]:
    try:
        with system.reading(_argv(iso, start)) as stream:
            content = stream.read(MOST_BYTES + 1)
            if len(content) > MOST_BYTES:
                message = f"it is larger than {MOST_BYTES} bytes"
                raise UnreadableError(message)
    except ToolError as error:
        if error.code is None and error.signal not in _CRASHES:
            raise
        raise UnreadableError(error.output[-1] if error.output else str(error)) from error
    return tuple(each.package for each in parse_status(content))


def _argv(iso: Path, start: int) -> list[str]:
    return ["unsquashfs", "-offset", str(start), "-cat", os.fspath(iso), STATUS.lstrip("/")]


def _start(extents: Sequence[Extent], name: str) -> int:
    """Return where a squashfs begins; above 4 GiB it has several extents."""
    parts = [extent for extent in extents if extent.path == name]
    if not parts:
        message = f"it has no {name}"
        raise UnreadableError(message)
    if any(first.start + first.size != second.start for first, second in pairwise(parts)):
        message = f"its {name} is fragmented"
        raise UnreadableError(message)
    return parts[0].start
