"""What backups ask of containers, and what these answer."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from builder.formats.inventory import EntryType

# File systems that parts of a system are kept on; all else is the kernel's, or somebody else's.
DISKS: Final = frozenset({
    "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "jfs", "reiserfs", "zfs", "bcachefs", "nilfs2",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderIdentity:
    """What only the folder that is meant shows where it is bound: an engine may be elsewhere."""

    boot: str  # the boot id of this machine
    device: int  # st_dev
    inode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeSystemRequest:
    """Make the read-only snapshot `name` of the subvolume at /source, at its top."""

    name: str
    system: FolderIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenSystem:
    """The snapshot of a system."""

    device: int  # its st_dev
    inode: int
    nested: tuple[str, ...]  # subvolumes inside the system, which are empty in the snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupRequest:
    """Copy the system at /source into the cache at /cache, and keep a snapshot of it there."""

    run: str
    system: FolderIdentity
    filters: tuple[str, ...]  # rsync's rules, in their order
    mounts: tuple[str, ...]  # separate file systems of the source, relative to its top, e.g. "boot"
    mounted: tuple[str, ...]  # all places in the source where anything is mounted, also others
    frozen: bool  # the source cannot change
    running: bool  # it is the system that runs on this machine
    new: bool  # a cache is started where there is none
    adopt: bool  # one that another system was backed up to is gone on with
    zone: int  # seconds by which the user's clock is ahead of UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSnapshot:
    """One snapshot of a cache."""

    selector: str  # "3", "@2026-06-17_14:30"; "cache" for the copy itself, where there are none
    path: str  # posix, relative to the cache base
    uuid: str  # of the btrfs subvolume; "" where there is none
    taken: int  # seconds since 1970
    zoneless: bool  # `taken` is a local time that was read as UTC
    description: str
    routine: bool  # a backup made it; all others are somebody's, and stay
    complete: bool  # there is a system in it, and the backup that wrote it had finished


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUp:
    """What a backup did."""

    selector: str  # of the new snapshot; "cache" where the copy itself is all there is
    date: str  # META_DATE, "2026-06-17 14:30:05", by the user's clock
    distro: str
    size: int  # bytes that the tree takes, hard links counted once
    entries: int  # files, folders and all else
    copied: int  # files that were new or different
    deleted: int  # entries that the system no longer has
    changed: int  # files that changed while they were copied, and once more when copied again
    changed_paths: tuple[str, ...]  # some of them
    snapshots: tuple[StoredSnapshot, ...]  # all there are now, oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotName:
    """A snapshot to delete: nothing else that may be at `path` by then."""

    path: str
    uuid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteSnapshotsRequest:
    """Delete these snapshots of the cache at /cache; those that are gone are fine."""

    snapshots: tuple[SnapshotName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteCacheRequest:
    """Delete the cache at /cache, which has no other subvolumes inside its tree than these."""

    subvolumes: tuple[SnapshotName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheState:
    """What a cache has, and how its last backup ended."""

    date: str  # META_DATE, as written; "" where no backup ever finished
    distro: str
    size: str  # META_SIZE
    finished: int | None  # when .backup_meta was written, in seconds since 1970
    began: int | None  # the backup that has not finished: when it began
    running: bool  # it still works
    free: int  # bytes
    total: int  # bytes of the volume
    snapshots: tuple[StoredSnapshot, ...]  # oldest first
    others: tuple[SnapshotName, ...] = ()  # subvolumes beside them that no program knows as one
    plain: bool = False  # its file system has no snapshots; the one that is listed is the copy


class Wholeness(StrEnum):
    """How a snapshot is, compared with what was recorded when it was made."""

    WHOLE = "whole"
    CHANGED = "changed"  # its files are not those that were recorded
    DAMAGED = "damaged"  # something in it cannot be read
    INCOMPLETE = "incomplete"  # there is no whole system in it
    UNKNOWN = "unknown"  # nothing was recorded, or it was sent here


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRequest:
    """Check the snapshots of the cache at /cache."""

    read_data: bool  # read all files too, which btrfs compares with its checksums


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedSnapshot:
    """How one snapshot is."""

    selector: str
    wholeness: Wholeness
    read_only: bool
    path: str = ""  # the first one that cannot be read
    reason: str = ""  # why not


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check found."""

    state: CacheState
    snapshots: tuple[CheckedSnapshot, ...]  # oldest first
    filesystem: str  # the id of the btrfs
    read: int  # bytes of files
    device_errors: tuple[str, ...]  # of the volume's disks, as the kernel counted them
    tree_distro: str  # what the cache's own tree calls itself


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreRequest:
    """Copy paths of the snapshot at /source into the empty folder at /restored."""

    folder: FolderIdentity
    paths: tuple[str, ...]  # with the wildcards of a shell; none: everything


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was copied."""

    entries: int  # files, folders and all else
    files: int
    powerful: int  # programs that run with rights of their own, and devices, among these
    powerful_paths: tuple[str, ...]  # some of them


class Change(StrEnum):
    """What became of something since an earlier snapshot."""

    ADDED = "added"
    CHANGED = "changed"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowseRequest:
    """List what the snapshot at /source has at a path."""

    path: str  # in the system
    pattern: str | None  # what is found at any depth below it; None: all
    compared: bool  # only what is not as in the snapshot at /earlier, at any depth
    most: int  # entries


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEntry:
    """One name in a snapshot; deleted ones are as they were in the earlier one."""

    path: str  # "/etc/fstab"; bytes that are not UTF-8 are lone surrogates (PEP 383)
    type: EntryType
    mode: int  # the twelve bits 0o7777
    uid: int
    gid: int
    size: int  # bytes; 0 for anything but a file
    mtime: int  # seconds since 1970
    target: str  # of a link; else ""
    change: Change | None  # None where nothing was compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What was listed, sorted by path."""

    entries: tuple[ListedEntry, ...]
    count: int  # also of those that were too many to be listed
