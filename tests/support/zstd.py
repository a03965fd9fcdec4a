"""Frames of zstd (RFC 8878), made and read with libzstd itself."""

import ctypes

_LIBRARY = ctypes.CDLL("libzstd.so.1")
for _name in ("ZSTD_compressBound", "ZSTD_compress", "ZSTD_decompress"):
    getattr(_LIBRARY, _name).restype = ctypes.c_size_t
_SINGLE_SEGMENT = 0x20


def pack(content: bytes, *, level: int = 3) -> bytes:
    """Return one frame that gives `content`."""
    room = ctypes.create_string_buffer(_LIBRARY.ZSTD_compressBound(ctypes.c_size_t(len(content))))
    size = _LIBRARY.ZSTD_compress(
        room, ctypes.c_size_t(len(room)), content, ctypes.c_size_t(len(content)), level
    )
    return room.raw[:size]


def unpack(frame: bytes, *, most: int) -> bytes:
    """Return the content of a frame, which has at most `most` bytes."""
    room = ctypes.create_string_buffer(most)
    size = _LIBRARY.ZSTD_decompress(room, ctypes.c_size_t(most), frame, ctypes.c_size_t(len(frame)))
    assert size <= most, f"no frame: {frame[:20]!r}"
    return room.raw[:size]


def with_window(frame: bytes, *, log: int) -> bytes:
    """Return a frame with another header: a window of 2**`log` bytes, and no size of content."""
    descriptor = frame[4]
    assert descriptor & _SINGLE_SEGMENT
    size_field = {0: 1, 1: 2, 2: 4, 3: 8}[descriptor >> 6]
    return frame[:4] + bytes((0, (log - 10) << 3)) + frame[5 + size_field :]
