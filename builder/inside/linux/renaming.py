"""Renames without replacing anything: renameat2(2), which Python does not have."""

import ctypes
import os
from pathlib import Path
from typing import Final

_AT_FDCWD: Final = -100  # include/uapi/linux/fcntl.h
_NOREPLACE: Final = 1  # RENAME_NOREPLACE, include/uapi/linux/fs.h
_libc = ctypes.CDLL(None, use_errno=True)


def rename_to_free(old: Path, new: Path) -> None:
    """Rename `old` to `new`. Raises OSError, EEXIST where anything has that name.

    rename(2) replaces an empty folder without a word, and what is looked at before may be made
    meanwhile.
    """
    names = os.fsencode(old), os.fsencode(new)
    if _libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], ctypes.c_uint(_NOREPLACE)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(new))
