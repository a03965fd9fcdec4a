"""Opens regular files only: no FIFO that blocks, no device, and no symlink unless it is wanted.

Whatever is read under a name that others may have chosen or taken is opened here.
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

_FLAGS: Final = os.O_NONBLOCK | os.O_CLOEXEC


class NotRegularError(OSError):
    """What has the name is no regular file."""

    def __init__(self, path: Path | str, *, link: bool) -> None:
        super().__init__(errno.EINVAL, "not a regular file", str(path))
        self.is_link = link


def open_regular(path: Path | str, *, follow: bool = False, folder: int | None = None) -> BinaryIO:
    """Open the regular file `path` for reading; NotRegularError for anything else at that name.

    With `follow`, a symlink may lead to the file: for paths that the user gave. A relative path
    starts at the open `folder`.
    """
    return os.fdopen(_opened(path, os.O_RDONLY, follow=follow, folder=folder), "rb")


def emptied_regular(path: Path, *, mode: int) -> int:
    """Open a regular file for writing, made with `mode` or emptied; return its descriptor.

    NotRegularError for anything else at that name, symlinks included.
    """
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, mode)
    except FileExistsError:
        descriptor = _opened(path, os.O_WRONLY, follow=False, folder=None)
    try:
        os.ftruncate(descriptor, 0)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read_start(path: Path, *, limit: int, follow: bool = False) -> tuple[bytes, bool]:
    """Return the first `limit` bytes of a regular file, and whether that is the whole file."""
    with open_regular(path, follow=follow) as stream:
        content = stream.read(limit + 1)
    return content[:limit], len(content) <= limit


def read_whole(path: Path, *, limit: int) -> bytes:
    """Return a regular file of at most `limit` bytes; OSError (EFBIG) for a larger one."""
    content, whole = read_start(path, limit=limit)
    if not whole:
        raise OSError(errno.EFBIG, f"larger than {limit} bytes", str(path))
    return content


def _opened(path: Path | str, access: int, *, follow: bool, folder: int | None) -> int:
    # Looked at before it is opened: just opening a device can already act.
    _check(path, os.stat(path, dir_fd=folder, follow_symlinks=follow))
    flags = access | _FLAGS | (0 if follow else os.O_NOFOLLOW)
    descriptor = os.open(path, flags, dir_fd=folder)
    try:
        _check(path, os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check(path: Path | str, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise NotRegularError(path, link=stat.S_ISLNK(found.st_mode))
