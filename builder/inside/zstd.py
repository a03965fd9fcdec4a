"""Unpacks zstd with the library that the image's mksquashfs uses; Python 3.13 has none of its own.

The calls are those of zstd's manual, "Streaming decompression" (zstd.h, 1.5).
"""

import ctypes
from collections.abc import Callable, Iterator
from ctypes import POINTER, Structure, byref, c_char_p, c_size_t, c_void_p, cast
from functools import cache
from typing import Any, Final

_LIBRARY: Final = "libzstd.so.1"
_OUT: Final = 1 << 20  # bytes


class _Buffer(Structure):
    """ZSTD_inBuffer and ZSTD_outBuffer have the same three fields."""

    _fields_ = (("data", c_void_p), ("size", c_size_t), ("pos", c_size_t))


class ZstdDecoder:
    """Unpacks one frame that comes in pieces, as the decoders of `lzma` and `bz2` do."""

    def __init__(self) -> None:
        self._library = _loaded()
        self._stream = c_void_p(self._library.ZSTD_createDStream())
        self.eof = False
        self.unused_data = b""

    def __del__(self) -> None:
        self._library.ZSTD_freeDStream(self._stream)

    def decompress(self, packed: bytes) -> Iterator[bytes]:
        """Yield what comes out of the next piece. Raises ValueError for what is no zstd."""
        source = _Buffer(cast(c_char_p(packed), c_void_p), len(packed), 0)
        space = ctypes.create_string_buffer(_OUT)
        while not self.eof:
            target = _Buffer(cast(space, c_void_p), _OUT, 0)
            left = self._library.ZSTD_decompressStream(
                self._stream, byref(target), byref(source)
            )
            if self._library.ZSTD_isError(left):
                message = self._library.ZSTD_getErrorName(left).decode()
                raise ValueError(message)
            self.eof = left == 0
            yield space.raw[: target.pos]
            if source.pos == len(packed) and target.pos < _OUT:
                break
        self.unused_data = packed[source.pos :]
