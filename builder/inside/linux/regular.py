"""Opens regular files only: no FIFO that blocks, no device, no symlink as the last component."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def open_regular(path: Path) -> BinaryIO:
    """Open the regular file `path` for reading; OSError for anything else at that name."""
    if not stat.S_ISREG(
        path.lstat().st_mode
    ):  # before open: just opening a device can have effects
        raise _not_regular(path)
    descriptor = os.open(path, _FLAGS)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _not_regular(path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_start(path: Path, *, limit: int) -> tuple[bytes, bool]:
    """Return the first `limit` bytes of a regular file, and whether that is the whole file."""
    with open_regular(path) as stream:
        content = stream.read(limit + 1)
    return content[:limit], len(content) <= limit


def read_whole(path: Path, *, limit: int) -> bytes:
    """Return a regular file of at most `limit` bytes; OSError (EFBIG) for a larger one."""
    content, whole = read_start(path, limit=limit)
    if not whole:
        raise OSError(errno.EFBIG, f"larger than {limit} bytes", str(path))
    return content


def _not_regular(path: Path) -> OSError:
    return OSError(errno.EINVAL, "not a regular file", str(path))
