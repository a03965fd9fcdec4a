"""Queries btrfs about subvolumes by ioctl, without any tool.

Numbers and layouts are those of the kernel's include/uapi/linux/btrfs.h and btrfs_tree.h.
"""

import fcntl
import os
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from builder.inside.linux.mounts import filesystem_at

_FIRST_FREE_OBJECTID: Final = 256  # BTRFS_FIRST_FREE_OBJECTID: the inode of every subvolume's top
_EMPTY_SUBVOLUME: Final = 2  # BTRFS_EMPTY_SUBVOL_DIR_OBJECTID
_GET_SUBVOL_INFO: Final = 0x81F8943C  # _IOR(BTRFS_IOCTL_MAGIC 0x94, 60, the 504 bytes below)
_FS_INFO: Final = 0x8400941F  # _IOR(0x94, 31, struct btrfs_ioctl_fs_info_args of 1024 bytes)
_READ_ONLY: Final = 1 << 0  # BTRFS_ROOT_SUBVOL_RDONLY: these are the flags of the root item
# struct btrfs_ioctl_get_subvol_info_args: treeid, name, parent_id, dirid, generation, flags, uuid,
# parent_uuid, received_uuid, four transaction ids, then ctime, otime, stime and rtime.
_SUBVOL_INFO: Final = struct.Struct("=Q256s4Q16s16s16s4Q" + 4 * "QI4x" + "64x")
_FS_INFO_BYTES: Final = 1024
_FSID: Final = slice(16, 32)  # after max_id and num_devices


@dataclass(frozen=True, slots=True, kw_only=True)
class Subvolume:
    """One btrfs subvolume."""

    id: int  # in its filesystem, where no other one ever has it
    uuid: str  # "" for the top level of an old filesystem, which has none
    read_only: bool
    created: int  # otime, seconds since 1970
    changed: int  # ctransid, the transaction that last changed something in it
    received: bool = False  # `btrfs receive` made it, with inodes and change times of its own


def subvolume(path: Path) -> Subvolume | None:
    """Return the subvolume at `path`; None for anything else, including a symlink to one."""
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if status.st_ino != _FIRST_FREE_OBJECTID or not stat.S_ISDIR(status.st_mode):
        return None
    try:
        answer = _ask(path, _GET_SUBVOL_INFO, _SUBVOL_INFO.size)
    except OSError:  # not asked before: to read the table of mounts for each of thousands is slow
        if filesystem_at(path) != "btrfs":
            return None
        raise
    fields = _SUBVOL_INFO.unpack(answer)
    flags, identity = fields[5], fields[6]
    created = fields[15]
    return Subvolume(
        id=fields[0],
        uuid=str(UUID(bytes=identity)) if any(identity) else "",
        read_only=bool(flags & _READ_ONLY),
        created=created,
        changed=fields[9],
        received=any(fields[8]),
    )


def is_subvolume_stub(status: os.stat_result) -> bool:
    """Whether a path on btrfs is the empty stub of a nested subvolume in a snapshot.

    The kernel invents its times anew each time it loads the inode.
    """
    return status.st_ino == _EMPTY_SUBVOLUME and stat.S_ISDIR(status.st_mode)


def filesystem_id(path: Path) -> str:
    """Return the id of the btrfs filesystem of directory `path`; "" on any other filesystem."""
    if filesystem_at(path) != "btrfs":
        return ""
    return str(UUID(bytes=_ask(path, _FS_INFO, _FS_INFO_BYTES)[_FSID]))


def _ask(path: Path, request: int, size: int) -> bytes:
    answer = bytearray(size)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.ioctl(descriptor, request, answer)
    finally:
        os.close(descriptor)
    return bytes(answer)
