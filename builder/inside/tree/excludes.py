"""What is never copied from the source: a table of rsync patterns, each with its reason.

Patterns with a leading slash are anchored at the root of the tree; `/dir/*` keeps the empty
directory, with its owner and mode, in the copy. Format: rsync(1), "FILTER RULES".
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from builder.inside.tree.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclude:
    """One row of the table: `pattern` is left out because of `reason`."""

    pattern: str
    reason: str
    keeps: tuple[str, ...] = ()  # exceptions, which are copied


_KERNEL: Final = "made by the kernel or by the running system at every boot"
_SNAP: Final = "snap stores are mounts of the source machine; its packages cannot run from a copy"
_CONTAINERS: Final = "containers and their images: private, large, and unusable on a live medium"
_SNAPSHOTS: Final = "older states of the same system"

EXCLUDES: Final = (
    Exclude(pattern="/dev/*", reason=_KERNEL),
    Exclude(pattern="/proc/*", reason=_KERNEL),
    Exclude(pattern="/sys/*", reason=_KERNEL),
    Exclude(pattern="/run/*", reason=_KERNEL),
    Exclude(pattern="/tmp/*", reason="temporary"),  # noqa: S108 - a pattern
    Exclude(pattern="/var/tmp/*", reason="temporary"),  # noqa: S108
    Exclude(pattern="/mnt/*", reason="other disks are mounted here, including caches"),
    Exclude(pattern="/media/*", reason="other disks are mounted here"),
    Exclude(pattern="lost+found", reason="file fragments recovered by fsck"),
    Exclude(pattern="/boot/efi/*", reason="boot files of the source machine's disk"),
    Exclude(pattern="/swapfile", reason="memory contents of the source machine"),
    Exclude(pattern="/swap.img", reason="memory contents of the source machine"),
    Exclude(pattern="/home/*", reason="personal files"),
    Exclude(pattern="/root/*", reason="personal files of root"),
    Exclude(
        pattern="/var/cache/apt/archives/*", reason="downloaded packages; apt fetches them again"
    ),
    Exclude(pattern="/var/lib/apt/lists/*", reason="package lists; apt fetches them again"),
    Exclude(
        pattern="/var/log/journal/*",
        reason="logs, in a directory named after the source machine's id",
    ),
    Exclude(
        pattern="/var/log/**",
        reason="logs; the directories stay, with owner and mode, because services need them",
        keeps=("/var/log/**/",),
    ),
    Exclude(pattern="/var/crash/*", reason="memory contents of crashed programs"),
    Exclude(pattern="/var/lib/systemd/coredump/*", reason="memory contents of crashed programs"),
    Exclude(
        pattern="/etc/NetworkManager/system-connections/*",
        reason="network connections with their passwords",
    ),
    Exclude(pattern="/snap", reason=_SNAP),
    Exclude(pattern="/var/snap", reason=_SNAP),
    Exclude(pattern="/var/lib/snapd", reason=_SNAP),
    Exclude(
        pattern="/.snapshots",
        reason="snapper's snapshots are whole systems; even an empty directory would make "
        "`snapper create-config` fail on an installed system",
    ),
    Exclude(pattern="/@.rollback-bak-*", reason=_SNAPSHOTS),
    Exclude(pattern="/var/lib/snapper/snapshots/*", reason=_SNAPSHOTS),
    Exclude(pattern="/timeshift", reason=_SNAPSHOTS),
    Exclude(pattern="*_backup/.rootfs_cache", reason="a backup cache inside the backup"),
    Exclude(pattern="*_backup/.snapshots", reason="snapshots of such a cache"),
    Exclude(pattern="/var/lib/docker/*", reason=_CONTAINERS),
    Exclude(pattern="/var/lib/containerd/*", reason=_CONTAINERS),
    Exclude(pattern="/var/lib/containers/*", reason=_CONTAINERS),
    Exclude(pattern="/var/lib/lxc/*", reason=_CONTAINERS),
    Exclude(pattern="/var/lib/machines/*", reason=_CONTAINERS),
    Exclude(pattern="/var/lib/libvirt/images/*", reason="disks of virtual machines"),
)

# The only attribute that the squashfs keeps. Others may not be settable on the filesystem of the
# copy (btrfs.compression, security.selinux), which rsync reports as a failure.
KEPT_XATTR: Final = "security.capability"


def filters() -> tuple[str, ...]:
    """Return the table as rsync filter rules, in the order in which rsync must try them."""
    rules: list[str] = []
    for row in EXCLUDES:
        rules += [f"+ {pattern}" for pattern in row.keeps]
        rules.append(f"- {row.pattern}")
    return (*rules, f"+x {KEPT_XATTR}", "-x *")


def staging_rules(exclude: Iterable[str] = ()) -> tuple[str, ...]:
    """Return all filter rules: `exclude`, more rsync patterns, takes precedence over the table."""
    return (*(f"- {pattern}" for pattern in exclude), *filters())


def swap_files(tree: Tree) -> tuple[str, ...]:
    """Return patterns for the swap files that the tree's own /etc/fstab names."""
    if not tree.is_file("/etc/fstab"):
        return ()
    found = []
    for line in tree.read_bytes("/etc/fstab").split(b"\n"):
        fields = line.split()
        if len(fields) < 3 or fields[0].startswith(b"#") or fields[2] != b"swap":
            continue
        path = _unescaped(fields[0])
        if path.startswith("/") and not path.startswith("/dev/"):
            found.append(_literal(path))
    return tuple(dict.fromkeys(found))


def _unescaped(field: bytes) -> str:
    r"""Undo fstab's octal escapes, e.g. \040 for a space: fstab(5). Each is one byte of a name."""
    octal = re.compile(rb"\\([0-3][0-7]{2})")
    return os.fsdecode(octal.sub(lambda match: bytes([int(match[1], 8)]), field))


def _literal(path: str) -> str:
    """Return the rsync pattern that matches only `path`.

    rsync takes a backslash literally in a pattern without wildcards, and as an escape in others.
    """
    return re.sub(r"([\\*?\[])", r"\\\1", path) if re.search(r"[*?\[]", path) else path
