"""Folds access control lists into plain modes: a squashfs cannot store them.

While a file has an ACL, its group bits show the mask, not the permissions of the owning group;
just dropping the ACL would widen the group's access. Format: linux/posix_acl_xattr.h.
"""

import contextlib
import errno
import os
import struct
from typing import Final

ACCESS: Final = "system.posix_acl_access"
DEFAULT: Final = "system.posix_acl_default"
_VERSION: Final = 2
_ENTRY: Final = struct.Struct("<HHI")  # tag, permissions, id
_GROUP_OBJ, _MASK = 0x04, 0x10
_ABSENT: Final = (errno.ENODATA, errno.ENOTSUP)


def fold(path: bytes) -> None:
    """Drop the ACLs of `path` without widening access; do nothing if it has none."""
    with contextlib.suppress(_NoListError):
        value = _get(path, ACCESS)
        mode = os.lstat(path).st_mode & 0o7777
        os.removexattr(path, ACCESS, follow_symlinks=False)
        os.chmod(path, folded(mode, value))  # noqa: PTH101
    with contextlib.suppress(_NoListError):
        _get(path, DEFAULT)
        os.removexattr(path, DEFAULT, follow_symlinks=False)


def folded(mode: int, value: bytes) -> int:
    """Return the mode of a file after dropping its access ACL `value`."""
    return mode & ~0o070 | group_bits(value) << 3


def group_bits(value: bytes) -> int:
    """Return the effective permissions of the owning group: its entry, limited by the mask.

    A malformed ACL gives the group no access.
    """
    if len(value) < 4 or int.from_bytes(value[:4], "little") != _VERSION:
        return 0
    whole = value[4 : 4 + (len(value) - 4) // _ENTRY.size * _ENTRY.size]
    found: dict[int, int] = {tag: bits for tag, bits, _id in _ENTRY.iter_unpack(whole)}
    return found.get(_GROUP_OBJ, 0) & found.get(_MASK, 0o7) & 0o7


class _NoListError(Exception):
    """The file has no such ACL."""


def _get(path: bytes, name: str) -> bytes:
    try:
        return os.getxattr(path, name, follow_symlinks=False)
    except OSError as error:
        if error.errno in _ABSENT:
            raise _NoListError from error
        raise
