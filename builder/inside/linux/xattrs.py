"""The names of a path's extended attributes, on any filesystem."""

import errno
import os


def xattr_names(path: bytes) -> list[str]:
    """Return the names for `path`, without following symlinks. Raises OSError."""
    try:
        return os.listxattr(path, follow_symlinks=False)
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return []
        raise
