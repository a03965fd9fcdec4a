"""Is there enough room in the work volume?"""

import os
from pathlib import Path
from typing import Final

from builder.errors import HostError

# The share of the tree's size that an image of it takes. Root filesystems of Debian compress to
# between 0.3 and 0.5 of it; documents and music do not.
IMAGE: Final = 0.5
TWO_IMAGES: Final = 2 * IMAGE  # the squashfs and the ISO


def images_in(work: Path, results: Path) -> float:
    """Return the share of the images that lie on the disk of the folder `work`."""
    return TWO_IMAGES if results.stat().st_dev == work.stat().st_dev else IMAGE


def check_room(work: Path, needed: float) -> None:
    """Raise HostError unless `needed` bytes are free where the folder `work` lies."""
    space = os.statvfs(work)
    free = space.f_bavail * space.f_frsize
    if free < needed:
        raise HostError(
            "The engine's volumes have {free} MiB free; about {needed} MiB are needed",
            hint="Free space where the engine keeps its data (`distroclone-builder doctor` "
            "shows the place), or move it to a larger disk.",
            free=free >> 20,
            needed=int(needed) >> 20,
        )
