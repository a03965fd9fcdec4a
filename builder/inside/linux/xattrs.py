"""The names of a path's extended attributes, also where a filesystem has none."""

import errno
import os


def xattr_names(path: bytes) -> list[str]:
    """Return the names at `path` itself, no link followed. Raises OSError."""
    try:
        return os.listxattr(path, follow_symlinks=False)
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return []
        raise
