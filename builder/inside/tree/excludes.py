"""What is never copied from the source: a table of rsync patterns, each with its reason.

Patterns with a leading slash are anchored at the root of the tree; `/dir/*` keeps the empty
directory, with its owner and mode, in the copy. Format: rsync(1), "FILTER RULES".
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclude:
    """One row of the table: `pattern` is left out because of `reason`."""

    pattern: str
    reason: str


_KERNEL: Final = "made by the kernel or by the running system at every boot"
_SNAP: Final = "snap stores are mounts of the source machine; its packages cannot run from a copy"

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
    Exclude(pattern="/home/*", reason="personal files"),
    Exclude(pattern="/root/*", reason="personal files of root"),
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
    Exclude(pattern="*_backup/.rootfs_cache", reason="a backup cache inside the backup"),
    Exclude(pattern="*_backup/.snapshots", reason="snapshots of such a cache"),
)

# The only attribute that the squashfs keeps. Others may not be settable on the filesystem of the
# copy (btrfs.compression, security.selinux), which rsync reports as a failure.
KEPT_XATTR: Final = "security.capability"
ATTRIBUTES: Final = (f"+x {KEPT_XATTR}", "-x *")


def filters() -> tuple[str, ...]:
    """Return the table as rsync filter rules, in the order in which rsync must try them."""
    return (*(f"- {row.pattern}" for row in EXCLUDES), *ATTRIBUTES)
