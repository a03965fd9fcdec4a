"""Unpacks what may be a bomb: piece by piece, and only so much of it."""

import bz2
import lzma
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final, Protocol

from builder.basics.sizes import readable_size
from builder.inside.linux import zstd

PIECE: Final = 256 << 10  # bytes
MOST_UNPACKED: Final = 512 << 20  # bytes
_PACKED: Final = 64 << 10
_MEMORY: Final = 128 << 20  # bytes that a decoder may take; xz -9 takes 65 MiB


class UnpackedLimitError(ValueError):
    """Something unpacks to more than may be looked at."""


class ClosedArchiveError(ValueError):
    """Something cannot be looked into: it is encrypted, or its format is not known."""


class UnpackedLimit:
    """Counts what several archives unpack to."""

    def __init__(self) -> None:
        self._unpacked = 0

    def add(self, size: int) -> None:
        """Count `size` more bytes. Raises UnpackedLimitError when there are too many."""
        self._unpacked += size
        if self._unpacked > MOST_UNPACKED:
            message = f"it unpacks to more than {readable_size(MOST_UNPACKED)}"
            raise UnpackedLimitError(message)


class Unpacked:
    """The output of a decoder as a stream; what came before an error is read first."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = b""
        self._at = 0
        self._error: Exception | None = None

    def read(self, size: int, /) -> bytes:
        """Return the next bytes; fewer only at the end."""
        parts = []
        while size:
            if self._at == len(self._piece):
                if self._error is None:
                    self._piece, self._at = self._next(), 0
                if self._at == len(self._piece):
                    break
            part = self._piece[self._at : self._at + size]
            self._at += len(part)
            size -= len(part)
            parts.append(part)
        if self._error is not None and not parts:
            raise self._error
        return b"".join(parts)

    def _next(self) -> bytes:
        try:
            return next(self._pieces, b"")
        except UnpackedLimitError:
            raise
        except (EOFError, OSError, ValueError, lzma.LZMAError, zlib.error) as error:
            if isinstance(error, OSError) and error.errno is not None:  # of a disk, not of bz2
                raise
            self._error = error
            return b""


class _Decoder(Protocol):
    """What bz2 and lzma have."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /, max_length: int = -1) -> bytes: ...


class _Zlib:
    """zlib's decoder for either of its formats, with the interface of the others."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(wbits=47)

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def needs_input(self) -> bool:
        return not self._decoder.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    def decompress(self, data: bytes, /, max_length: int = -1) -> bytes:
        return self._decoder.decompress(self._decoder.unconsumed_tail + data, max_length)


def decoded(kind: bytes, stream: BinaryIO, *, limit: UnpackedLimit) -> Iterator[bytes]:
    """Yield what an archive that begins with `kind` unpacks to; leave `stream` after it.

    No piece is empty. Raises ValueError for an unknown format and beyond the limit, EOFError for a
    truncated archive, and what its decoder raises.
    """
    try:
        for piece in _pieces(kind, stream):
            limit.add(len(piece))
            if piece:
                yield piece
    except (ValueError, lzma.LZMAError) as error:
        if _wants_memory(error):
            raise UnpackedLimitError(str(error)) from error
        raise


def _wants_memory(error: Exception) -> bool:
    """Whether a decoder of xz or zstd gave up because of its limit of memory."""
    return "memory usage limit" in str(error).lower() or "too much memory" in str(error)


def _pieces(kind: bytes, stream: BinaryIO) -> Iterator[bytes]:
    if kind.startswith(zstd.MAGIC):
        return zstd.unpacked(stream)
    if kind.startswith(b"\x1f\x8b") or (kind[:1] == b"\x78" and not int.from_bytes(kind[:2]) % 31):
        return _decoded(_Zlib(), stream)
    if kind.startswith((b"\xfd7zXZ\0", b"]\0\0")):
        return _decoded(lzma.LZMADecompressor(memlimit=_MEMORY), stream)
    if kind.startswith(b"BZh"):
        return _decoded(bz2.BZ2Decompressor(), stream)
    message = f"it contains an archive of an unknown format, which begins with {kind.hex()}"
    raise ValueError(message)


def _decoded(decoder: _Decoder, stream: BinaryIO) -> Iterator[bytes]:
    while not decoder.eof:
        needed = decoder.needs_input
        packed = stream.read(_PACKED) if needed else b""
        piece = decoder.decompress(packed, PIECE)
        if needed and not packed and not piece:
            raise EOFError
        yield piece
    stream.seek(-len(decoder.unused_data), 1)
