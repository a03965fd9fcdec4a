"""Writes an ISO by hand, of folders and files that have names and no content."""

import struct
from collections.abc import Sequence
from pathlib import Path

BLOCK = 2048
_FOLDER = 2


def record(name: bytes, block: int, size: int, *, flags: int = 0, more: bytes = b"") -> bytes:
    """Return a directory record (ECMA-119, 9.1); `more` is what Rock Ridge adds to it."""
    padding = b"" if len(name) % 2 else b"\0"
    length = 33 + len(name) + len(padding) + len(more)
    head = struct.pack("<BBI4xI4x7xBBB4xB", length, 0, block, size, flags, 0, 0, len(name))
    return head + name + padding + more


def rock_ridge(name: str) -> bytes:
    """Return the fields of a name: something else first, then the name itself."""
    return b"TF\x05\x01\x00" + b"NM" + bytes((5 + len(name), 1, 0)) + name.encode()


def write_iso(path: Path, live: Sequence[bytes]) -> Path:
    """Write an ISO that has the folder "live", with these records in it."""
    blocks = [bytes(BLOCK)] * 16
    root = record(b"\0", 17, BLOCK, flags=_FOLDER)
    descriptor = b"\x01CD001\x01".ljust(80, b"\0") + struct.pack("<I", 19)
    blocks.append(descriptor.ljust(156, b"\0") + root)
    blocks.append(root + record(b"LIVE", 18, BLOCK, flags=_FOLDER, more=rock_ridge("live")))
    blocks.append(b"".join(live))
    path.write_bytes(b"".join(block.ljust(BLOCK, b"\0") for block in blocks))
    return path
