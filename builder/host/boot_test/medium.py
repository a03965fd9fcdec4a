"""Looks at an ISO before a virtual machine gets it, in which a wrong one would take minutes.

Source: ECMA-119, 8.4 (primary volume descriptor).
"""

import os
import struct
from pathlib import Path
from typing import Final

from builder.basics.errors import UsageError, VerificationError
from builder.basics.regular import open_regular
from builder.basics.sizes import readable_size

_DESCRIPTOR: Final = 32768  # bytes from the start
_IDENTIFIER: Final = b"\x01CD001\x01"
_BLOCK: Final = 2048  # bytes
_SPACE_SIZE: Final = 80  # where the descriptor says how many blocks there are


def check_iso(path: Path) -> None:
    """Raise UsageError for what is no ISO, VerificationError for one that is cut off."""
    try:
        with open_regular(path, follow=True) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(_DESCRIPTOR)
            descriptor = file.read(_BLOCK)
    except OSError as error:
        raise _no_iso("There is no ISO at {path}", path) from error
    if len(descriptor) < _BLOCK or not descriptor.startswith(_IDENTIFIER):
        raise _no_iso("{path} is not an ISO", path)
    wanted = struct.unpack_from("<I", descriptor, _SPACE_SIZE)[0] * _BLOCK
    if size < wanted:
        raise VerificationError(
            "{path} is cut off: it has {size}, and was made with {wanted}",
            hint="Copy or download it again.",
            path=path,
            size=readable_size(size),
            wanted=readable_size(wanted),
        )


def _no_iso(message: str, path: Path) -> UsageError:
    return UsageError(message, hint="Give the path of an .iso file that a build made.", path=path)
