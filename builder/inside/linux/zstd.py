"""Unpacks zstd with the library of the image's mksquashfs; Python 3.13 has no module for it.

The calls are those of zstd's manual, "Streaming decompression" (zstd.h, 1.5). Four of them are less
than python3-zstandard would add to the lock.
"""

import contextlib
import ctypes
from collections.abc import Iterator
from ctypes import c_size_t, c_void_p
from typing import BinaryIO, Final

_LIBRARY: Final = "libzstd.so.1"
_PIECE: Final = 1 << 20  # bytes
MAGIC: Final = b"\x28\xb5\x2f\xfd"


class _Buffer(ctypes.Structure):
    """ZSTD_inBuffer and ZSTD_outBuffer have the same three fields."""

    _fields_ = (("data", c_void_p), ("size", c_size_t), ("position", c_size_t))


def unpacked(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the contents of the zstd frame at the position of `stream`, and leave it after that.

    Raises ValueError for invalid data, EOFError for a truncated frame.
    """
    library = ctypes.CDLL(_LIBRARY)
    library.ZSTD_createDStream.restype = c_void_p
    library.ZSTD_decompressStream.restype = c_size_t
    library.ZSTD_getErrorName.restype = ctypes.c_char_p
    library.ZSTD_getErrorName.argtypes = (c_size_t,)
    library.ZSTD_isError.argtypes = (c_size_t,)
    with contextlib.ExitStack() as stack:
        decoder = c_void_p(library.ZSTD_createDStream())
        stack.callback(library.ZSTD_freeDStream, decoder)
        left = 1
        while left:
            packed = stream.read(_PIECE)
            if not packed:
                raise EOFError
            piece = ctypes.create_string_buffer(packed, len(packed))
            source = _Buffer(ctypes.cast(piece, c_void_p), len(packed), 0)
            while left and source.position < len(packed):
                space = ctypes.create_string_buffer(_PIECE)
                target = _Buffer(ctypes.cast(space, c_void_p), _PIECE, 0)
                left = library.ZSTD_decompressStream(
                    decoder, ctypes.byref(target), ctypes.byref(source)
                )
                if library.ZSTD_isError(left):
                    raise ValueError(library.ZSTD_getErrorName(left).decode())
                yield space.raw[: target.position]
            if not left:
                stream.seek(source.position - len(packed), 1)
