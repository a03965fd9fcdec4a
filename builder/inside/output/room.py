"""Checks for enough space in the work volume."""

import os
from pathlib import Path
from typing import Final

from builder.basics.errors import HostError
from builder.basics.sizes import readable_size

# The size of the squashfs, and again of the ISO, as a fraction of the tree's size. Debian root
# filesystems compress to 0.3 to 0.5 of it; documents and music do not.
IMAGE: Final = 0.5


def image_share(work: Path, results: Path) -> float:
    """Return the space that the images need in the volume `work`, as a fraction of the tree's size.

    The squashfs is always there, the ISO only if the folder `results` is on the same disk.
    """
    together = work.stat().st_dev == results.stat().st_dev
    return IMAGE * (2 if together else 1)


def check_room(work: Path, needed: float) -> None:
    """Raise HostError unless `needed` bytes are free on the disk of `work`."""
    space = os.statvfs(work)
    free = space.f_bavail * space.f_frsize
    if free < needed:
        raise HostError(
            "The engine's volumes have {free} free; about {needed} are needed",
            hint="Free space where the engine keeps its volumes (`distroclone-builder doctor` "
            "shows where), or move them to a larger disk.",
            free=readable_size(free),
            needed=readable_size(needed),
        )
