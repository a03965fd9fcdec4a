"""Looks at an ISO before a virtual machine gets it, in which a wrong one would take minutes."""

import os
from pathlib import Path
from typing import BinaryIO, Final

from builder.basics.errors import UsageError
from builder.basics.regular import open_regular
from builder.host.results.iso_folder import has_file
from builder.host.results.iso_volume import BLOCK, DESCRIPTOR, check_whole, volume_size

INSTALLER: Final = "live/installer.squashfs"  # on the ISOs that can install


def check_iso(path: Path) -> None:
    """Raise UsageError for what is no ISO, VerificationError for one that is cut off."""
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(DESCRIPTOR)
        descriptor = file.read(BLOCK)
    check_whole(path, size, wanted=volume_size(path, descriptor))


def check_installer(path: Path) -> None:
    """Raise UsageError for an ISO that has no installer; otherwise the same as `check_iso`."""
    check_iso(path)
    with _opened(path) as file:
        if not has_file(file, INSTALLER):
            raise UsageError(
                "{path} has no installer of ours",
                hint="Build it again with `--installer text`, or with `installer: text` in "
                "build.yaml.",
                path=path,
            )


def _opened(path: Path) -> BinaryIO:
    try:
        return open_regular(path, follow=True)
    except OSError as error:
        raise UsageError(
            "There is no ISO at {path}",
            hint="Give the path of an .iso file that a build made.",
            path=path,
        ) from error
