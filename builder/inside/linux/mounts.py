"""The mounts in this mount namespace, from /proc/self/mountinfo (proc_pid_mountinfo(5))."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MOUNTINFO: Final = Path("/proc/self/mountinfo")
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One line of mountinfo."""

    point: str
    filesystem: str  # e.g. "ext4"
    writable: bool  # the filesystem itself, wherever else it is mounted


def mounts() -> tuple[Mount, ...]:
    """Return every mount, oldest first."""
    text = _MOUNTINFO.read_bytes().decode("utf-8", errors="surrogateescape")
    # Not `splitlines`: the kernel escapes no more than spaces, tabs, backslashes and newlines.
    return tuple(_parse(line) for line in text.split("\n") if line)


def mount_points_below(path: Path) -> list[str]:
    """Return the mount points at or below the real path `path`, sorted."""
    top = str(path)
    inside = "/" if top == "/" else f"{top}/"
    return sorted(
        {mount.point for mount in mounts() if mount.point == top or mount.point.startswith(inside)}
    )


def filesystem_at(path: Path) -> str:
    """Return the type of the filesystem, e.g. "btrfs", of the real absolute path `path`."""
    places = {str(path), *map(str, path.parents)}
    above = [mount for mount in mounts() if mount.point in places]
    depth = max(len(mount.point) for mount in above)
    return [mount.filesystem for mount in above if len(mount.point) == depth][-1]


def _parse(line: str) -> Mount:
    fields, _dash, rest = line.partition(" - ")
    point = fields.split(" ")[4]
    kind, _source, options = rest.split(" ", 2)
    return Mount(
        point=_ESCAPE.sub(lambda match: chr(int(match[1], 8)), point),
        filesystem=kind,
        writable=options.split(",")[0] == "rw",
    )
