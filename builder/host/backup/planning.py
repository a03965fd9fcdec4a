"""What a backup leaves out, and how it sees the system: decided here, before anything starts.

The table is DistroClone Backup's, so that a cache can be continued by either program.
"""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from builder.basics.errors import SourceError, UsageError
from builder.basics.rsync_patterns import literal
from builder.host.backup.mount_points import (
    MOUNTINFO,
    MountPoint,
    SystemMounts,
    freezes,
    mount_points,
    mounted_in,
)
from builder.host.backup.retention import Retention

ROOTFS: Final = ".rootfs_cache"
RUNNING: Final = Path("/")

# ruff: noqa: S108 - patterns for folders of a system
# rsync(1), FILTER RULES: `/dir/*` keeps the empty folder. What is left out is never deleted either.
_ALWAYS: Final = (
    "/dev/*", "/proc/*", "/sys/*", "/run/*", "/tmp/*", "/mnt/*", "/media/*", "/lost+found",
    "/swapfile", "/swap.img", "/swap/swapfile",
    "/boot/efi/*", "/var/cache/apt/archives/*", "/var/lib/apt/lists/*",
    "/var/log/*", "/var/tmp/*", "/etc/NetworkManager/system-connections/*", "/snap", "/var/snap",
    "/var/lib/snapd", "/.snapshots", "/var/lib/snapper", "/.distroclone-builder-*",
    "/@.rollback-bak-*", "*_backup/.rootfs_cache", "*_backup/.snapshots",
)  # fmt: skip
_HOMES: Final = ("/home/*", "/root/*")
_STORES: Final = ("/var/lib/docker", "/var/lib/containerd", "/var/lib/containers")


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupPlan:
    """What is backed up, where to, and what is kept."""

    cache: Path
    source: Path = RUNNING
    include_home: bool = False
    exclude: tuple[str, ...] = ()
    new: bool = False
    adopt: bool = False
    retention: Retention = field(default_factory=Retention)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How the containers of a backup see the system."""

    source: Path
    filters: tuple[str, ...]
    mounts: SystemMounts
    freezes: bool  # it is on btrfs: a snapshot of it is copied

    @property
    def parts(self) -> tuple[str, ...]:
        """The separate file systems, relative to the source."""
        return self._relative([each.path for each in self.mounts.disks])

    @property
    def mounted(self) -> tuple[str, ...]:
        """All places where something is mounted, relative to the source."""
        return self._relative(self.mounts.places)

    def _relative(self, paths: Sequence[str]) -> tuple[str, ...]:
        return tuple(str(Path(each).relative_to(self.source)) for each in paths)


def seen_system(plan: BackupPlan, *, engine_root: Path, mountinfo: Path = MOUNTINFO) -> Seen:
    """Decide how the system is seen. Raises SourceError where there is none, UsageError for loops.

    Everything is of this machine, whose engine the backup needs.
    """
    source, cache = plan.source.resolve(), plan.cache.resolve()
    if not source.is_dir():
        raise SourceError(
            "There is no folder at {path}",
            hint="Give the folder of a root filesystem with --source, or / for this system.",
            path=plan.source,
        )
    if source.is_relative_to(cache):
        raise UsageError(
            "The system {source} is in the cache {cache}, which would be copied into itself",
            hint="Give a system outside it with --source.",
            source=plan.source,
            cache=plan.cache,
        )
    inner = [each for each in (cache, engine_root, *map(Path, _STORES)) if _is_inside(each, source)]
    patterns = (
        *plan.exclude,
        *_ALWAYS,
        *(() if plan.include_home else _HOMES),
        *dict.fromkeys(literal(f"/{each.relative_to(source)}") for each in inner),
    )
    points = _awake(source, mountinfo)
    places = [*inner, *(source / each for each in _left_out(patterns))]
    return Seen(
        source=source,
        filters=tuple(f"- {each}" for each in patterns),
        mounts=mounted_in(source, points, left_out=places),
        freezes=freezes(source, points),
    )


def _awake(source: Path, mountinfo: Path) -> tuple[MountPoint, ...]:
    """Return what is mounted, with what an automount below /boot mounts when it is looked at.

    systemd unmounts it again after two minutes in which nobody did. Others are left asleep: behind
    them may be a machine that does not answer.
    """
    points = _mounted(mountinfo)
    asleep = [each.path for each in points if each.kind == "autofs"]
    asleep = [each for each in asleep if Path(each).is_relative_to(source / "boot")]
    for each in asleep:
        with contextlib.suppress(OSError):
            os.listdir(each)  # noqa: PTH208 - nobody wants the names
    return _mounted(mountinfo) if asleep else points


def _mounted(mountinfo: Path) -> tuple[MountPoint, ...]:
    return mount_points(mountinfo.read_bytes().decode("utf-8", "surrogateescape"))


def _is_inside(path: Path, source: Path) -> bool:
    return path != source and path.is_relative_to(source)


def _left_out(patterns: Sequence[str]) -> list[str]:
    """Return the folders of which a pattern leaves out everything, relative to the system."""
    folders = [
        each.removesuffix("/***").removesuffix("/**").removesuffix("/*") for each in patterns
    ]
    return [
        each.strip("/") for each in folders if each.startswith("/") and not set(each) & set("*?[")
    ]
