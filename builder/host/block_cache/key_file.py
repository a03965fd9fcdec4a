"""The user's key file for a block cache.

What the container gets is made from it, so that the file's own bytes stay here.
"""

import hashlib
import os
import shlex
from pathlib import Path
from typing import Final

from builder.basics.errors import UsageError
from builder.basics.regular import open_regular

LEAST: Final = 32  # bytes
_MOST: Final = 64 << 10  # bytes; nobody means a larger file
_NOT_THE_OWNER: Final = 0o077
_MAKE: Final = "Make one: `(umask 077; head --bytes=32 /dev/urandom >{word})`."


def secret_of(path: Path | None) -> str:
    """Return the secret for the container, in hexadecimal digits; "" without a file.

    Every byte of the file counts, a newline at its end too. Raises UsageError for a file that is
    absent, too short or too large, and, as ssh does, for one that others may read.
    """
    if path is None:
        return ""
    try:
        with open_regular(path, follow=True) as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_MOST + 1)
    except OSError as error:
        raise UsageError(
            "The key {path} cannot be read: {reason}",
            hint=_MAKE,
            path=path,
            word=shlex.quote(str(path)),
            reason=error.strerror,
        ) from error
    if mode & _NOT_THE_OWNER:
        raise UsageError(
            "The key {path} can be used by others than its owner",
            hint="Take that away: `chmod 600 {word}`. If others could read it, make a new one.",
            path=path,
            word=shlex.quote(str(path)),
        )
    if not LEAST <= len(content) <= _MOST:
        raise UsageError(
            "The key {path} has {size} bytes; {least} to {most} are possible",
            hint=_MAKE,
            path=path,
            word=shlex.quote(str(path)),
            size=len(content) if len(content) <= _MOST else f"more than {_MOST}",
            least=LEAST,
            most=_MOST,
        )
    return hashlib.blake2b(content, digest_size=32, person=b"dcbuilder blocks").hexdigest()
