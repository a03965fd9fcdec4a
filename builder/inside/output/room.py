"""Is there enough room in the work volume?"""

import os
from pathlib import Path
from typing import Final

from builder.basics.errors import HostError
from builder.basics.sizes import readable_size

# The squashfs, and once more the ISO, as a part of the tree's size. Root filesystems of Debian
# compress to between 0.3 and 0.5 of it; documents and music do not.
IMAGE: Final = 0.5


def images_beside(work: Path, results: Path) -> float:
    """Return the room that the images need in the volume `work`, as a part of the tree's size.

    The squashfs always lies there, the ISO only if the folder `results` is on the same disk.
    """
    together = work.stat().st_dev == results.stat().st_dev
    return IMAGE * (2 if together else 1)


def check_room(work: Path, needed: float) -> None:
    """Raise HostError unless `needed` bytes are free where the folder `work` lies."""
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
