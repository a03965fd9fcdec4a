"""Looks at an ISO before a virtual machine gets it, in which a wrong one would take minutes."""

import os
from pathlib import Path

from builder.basics.errors import UsageError
from builder.basics.regular import open_regular
from builder.host.results.iso_volume import BLOCK, DESCRIPTOR, check_whole, volume_size


def check_iso(path: Path) -> None:
    """Raise UsageError for what is no ISO, VerificationError for one that is cut off."""
    try:
        with open_regular(path, follow=True) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(DESCRIPTOR)
            descriptor = file.read(BLOCK)
    except OSError as error:
        raise UsageError(
            "There is no ISO at {path}",
            hint="Give the path of an .iso file that a build made.",
            path=path,
        ) from error
    check_whole(path, size, wanted=volume_size(path, descriptor))
