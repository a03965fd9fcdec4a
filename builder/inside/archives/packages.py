"""Finds the archives in packages: deb(5) is an ar(5), an RPM has its headers in front of a cpio.

RPM's format: docs/manual/format_v4.md of rpm.
"""

import io
from collections.abc import Iterator
from typing import BinaryIO, Final, cast

_AR: Final = b"!<arch>\n"
_DEB: Final = _AR + b"debian-binary"
_RPM: Final = b"\xed\xab\xee\xdb"
_LEAD: Final = 96
_HEADER: Final = b"\x8e\xad\xe8"
_ENTRY: Final = 16
_MOST_HEADER: Final = 256 << 20  # bytes; rpm's own limit
_AR_HEADER: Final = 60
_MOST: Final = 100  # members of a deb; three are usual


def is_package(start: bytes) -> bool:
    """Whether a file that begins with these bytes is a package of Debian or RPM."""
    return start.startswith((_DEB, _RPM))


def packed_parts(stream: BinaryIO) -> Iterator[tuple[str, BinaryIO]]:
    """Yield the names of what a package holds, and a stream that can seek within each.

    Raises ValueError or EOFError for a damaged one.
    """
    start = stream.read(len(_DEB))
    if start.startswith(_RPM):
        yield "payload", _part(stream, _payload(stream), None)
        return
    at = len(_AR)
    for _number in range(_MOST):
        stream.seek(at)
        header = stream.read(_AR_HEADER)
        if len(header) < _AR_HEADER:
            return
        size = int(header[48:58])
        if size < 0 or header[58:60] != b"`\n":
            message = "it is a damaged package"
            raise ValueError(message)
        at += _AR_HEADER
        name = header[:16].rstrip(b" /").decode("utf-8", "surrogateescape")
        yield name, _part(stream, at, size)
        at += size + size % 2


def _payload(stream: BinaryIO) -> int:
    """Return where the archive of an RPM begins, after its signature and its header."""
    at = _LEAD
    for number in range(2):
        at += -at % 8
        stream.seek(at)
        intro = stream.read(16)
        entries, size = int.from_bytes(intro[8:12]), int.from_bytes(intro[12:16])
        if intro[:3] != _HEADER or entries * _ENTRY + size > _MOST_HEADER:
            message = f"its header {number + 1} is damaged"
            raise ValueError(message)
        at += 16 + entries * _ENTRY + size
    return at


def _part(stream: BinaryIO, start: int, size: int | None) -> BinaryIO:
    return cast("BinaryIO", _Part(stream, start, size))


class _Part(io.RawIOBase):
    """A part of a file, as a file of its own; `size` is None up to its end."""

    def __init__(self, stream: BinaryIO, start: int, size: int | None) -> None:
        self._stream = stream
        self._start = start
        self._size = size if size is not None else stream.seek(0, io.SEEK_END) - start
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        left = max(self._size - self._at, 0)
        self._stream.seek(self._start + self._at)
        data = self._stream.read(left if size < 0 else min(size, left))
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        starts = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}
        self._at = max(starts[whence] + offset, 0)
        return self._at
