"""Makes a staged tree read-only for all that comes after the last change to it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from builder.inside.linux.mounts import filesystem_at
from builder.inside.system.system import System


@contextmanager
def seal(root: Path, system: System, *, clock: int) -> Iterator[None]:
    """Date the directory `root` and make all in it read-only: what is packed is what is there now.

    `clock` is in seconds since 1970. An overlay becomes read-only as a whole, through each mount
    and each open folder. A copy shares its file system with the rest of the work volume, so it
    gets a read-only mount of itself on top. Raises ToolError.
    """
    os.utime(root, (clock, clock))
    place = os.fspath(root)
    if filesystem_at(root) == "overlay":
        system.run(["mount", "--options", "remount,ro", "--source", "overlay", "--target", place])
    with system.mounted(place, root, kind="none", options=("bind", "ro")):
        yield
