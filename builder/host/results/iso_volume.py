"""What the primary volume descriptor of an ISO says of it: that it is one, and how large it is.

Source: ECMA-119, 8.4.
"""

import struct
from pathlib import Path
from typing import Final

from builder.basics.errors import UsageError, VerificationError
from builder.basics.sizes import readable_size

BLOCK: Final = 2048  # bytes
DESCRIPTOR: Final = 16 * BLOCK  # bytes from the start
_IDENTIFIER: Final = b"\x01CD001\x01"
_SPACE_SIZE: Final = 80  # where the descriptor says how many blocks there are


def volume_size(path: Path, descriptor: bytes) -> int:
    """Return how many bytes the ISO has by its descriptor. Raises UsageError where it is none."""
    if len(descriptor) < BLOCK or not descriptor.startswith(_IDENTIFIER):
        raise UsageError(
            "{path} is not an ISO",
            hint="Give the path of an .iso file that a build made.",
            path=path,
        )
    blocks: int = struct.unpack_from("<I", descriptor, _SPACE_SIZE)[0]
    return blocks * BLOCK


def check_whole(path: Path, size: int, *, wanted: int) -> None:
    """Raise VerificationError for an ISO of less than `wanted` bytes."""
    if size < wanted:
        raise VerificationError(
            "{path} is cut off: it has {size}, and was made with {wanted}",
            hint="Copy or download it again.",
            path=path,
            size=readable_size(size),
            wanted=readable_size(wanted),
        )
