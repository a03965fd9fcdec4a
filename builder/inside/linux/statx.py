"""Queries statx(2) for paths that even root may not change.

Numbers and layout are those of the kernel's include/uapi/linux/stat.h; statx(2).
"""

import ctypes
import os
import struct
from typing import Final

_AT_FDCWD: Final = -100
_FLAGS: Final = 0x100 | 0x800  # AT_SYMLINK_NOFOLLOW, AT_NO_AUTOMOUNT
_APPEND_ONLY_OR_IMMUTABLE: Final = 0x20 | 0x10
_ATTRIBUTES: Final = struct.Struct("=8xQ240x")  # of struct statx's 256 bytes

_libc = ctypes.CDLL(None, use_errno=True)


def is_unchangeable(path: bytes) -> bool:
    """Whether `path`, without following symlinks, is immutable or append-only (chattr(1)).

    Raises OSError. False on filesystems without such flags.
    """
    answer = ctypes.create_string_buffer(_ATTRIBUTES.size)
    if _libc.statx(_AT_FDCWD, path, _FLAGS, 0, answer) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    (attributes,) = _ATTRIBUTES.unpack(answer.raw)
    return bool(attributes & _APPEND_ONLY_OR_IMMUTABLE)
