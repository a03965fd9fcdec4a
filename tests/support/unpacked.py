"""Unpacks what is packed, level by level, however deep: compressed files, cpio, tar, zip, JSON.

The decoders are the program's own, the readers of archives are not: where it does not look, this
search looks. What is damaged is reported, never passed over.
"""

import io
import json
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from builder.inside.archives.unpacking import UnpackedLimit, decoded

CPIO = (b"070701", b"070702")  # cpio(5), "newc"
COMPRESSED = (b"\x28\xb5\x2f\xfd", b"\x1f\x8b\x08", b"\xfd7zXZ\0", b"BZh", b"]\0\0\x80\0")
_HEADER = 110
_TRAILER = b"TRAILER!!!"
DAMAGED = (
    ValueError, EOFError, OSError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile,
)  # fmt: skip

Part = tuple[str, bytes]  # the name of something packed, and its bytes


def unpacked(name: str, data: bytes, *, damaged: Callable[[str], None]) -> Iterator[Part]:
    """Yield `data`, and whatever is in it; names are joined by an exclamation mark."""
    yield name, data
    try:
        for inner, content in _parts(name, data):
            yield from unpacked(f"{name}!{inner}", content, damaged=damaged)
    except DAMAGED as error:
        damaged(f"{name}: {error!r}")


def _parts(name: str, data: bytes) -> Iterator[Part]:
    if data.startswith((*CPIO, *COMPRESSED)):
        yield from _in_a_row(data)
    elif data[257:262] == b"ustar":
        yield from _in_tar(data)
    elif data.startswith(b"PK\3\4"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from ((each, archive.read(each)) for each in archive.namelist())
    elif name.endswith(".json"):
        yield "text", "\n".join(strings(json.loads(data))).encode("utf-8", "surrogatepass")


def _in_a_row(data: bytes) -> Iterator[Part]:
    """Yield what stands one after the other, as in an initramfs; zeros may be between."""
    stream, number = io.BytesIO(data), 0
    while start := _start_of_next(stream):
        if start.startswith(CPIO):
            yield from _in_cpio(stream)
        else:  # raises ValueError for what is of no known format
            yield str(number), b"".join(decoded(start, stream, limit=UnpackedLimit()))
        number += 1


def _start_of_next(stream: io.BytesIO) -> bytes:
    rest = stream.getbuffer()[stream.tell() :]
    zeros = next((at for at, byte in enumerate(rest) if byte), len(rest))
    start = bytes(rest[zeros : zeros + 6])
    stream.seek(zeros, io.SEEK_CUR)
    return start


def _in_cpio(stream: io.BytesIO) -> Iterator[Part]:
    while True:
        header = stream.read(_HEADER)
        if not header.startswith(CPIO) or len(header) < _HEADER:
            message = "a damaged cpio archive"
            raise ValueError(message)
        size, length = int(header[54:62], 16), int(header[94:102], 16)
        name = stream.read(length + -(_HEADER + length) % 4)[: length - 1]
        content = stream.read(size + -size % 4)[:size]
        if name == _TRAILER:
            return
        yield name.decode("utf-8", "surrogateescape"), content


def _in_tar(data: bytes) -> Iterator[Part]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isreg() else None
            yield member.name, file.read() if file else member.linkname.encode()


def strings(data: Any) -> Iterator[str]:
    """Yield every string in JSON data, the keys too."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, list):
        for each in data:
            yield from strings(each)
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from (key, *strings(value))
