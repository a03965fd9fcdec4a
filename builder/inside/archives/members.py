"""Looks one level into archives and compressed files, in pieces and within limits.

Formats: gzip, zlib, bzip2, xz, lzma and zstd, which may hold several streams in a row; tar and cpio
in any of these; zip; packages of Debian and RPM; git's objects.
"""

import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol, cast

from builder.inside.archives import cpio, git_objects
from builder.inside.archives.packages import is_package, packed_parts
from builder.inside.archives.unpacking import (
    ClosedArchiveError,
    Unpacked,
    UnpackedLimit,
    UnpackedLimitError,
    decoded,
)
from builder.inside.linux import zstd

_COMPRESSED: Final = (zstd.MAGIC, b"\x1f\x8b", b"\xfd7zXZ\0", b"]\0\0\x80", b"]\0\0\x00", b"BZh")
_ZIP: Final = (b"PK\3\4", b"PK\5\6")
_CPIO: Final = (b"070701", b"070702")
_MOST_OF_MEMBER: Final = 64 << 20  # bytes of one file in a cpio archive; the rest is skipped
_ZIP_METHODS: Final = (
    zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA,
)  # fmt: skip
_TAR_AT: Final = 257
_BLOCK: Final = 512
_LOOSE: Final = re.compile(rb"\A(?:blob|tree|commit|tag) [0-9]{1,12}\0")  # of an object of git
_MOST_MEMBERS: Final = 100_000
DAMAGED: Final = (
    OSError, ValueError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError,
    zipfile.BadZipFile, IndexError, NotImplementedError, RuntimeError, LookupError,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveMember:
    """One file in an archive; `stream` can be read until the next one is asked for."""

    name: str  # "" for what a compressed file holds
    size: int | None  # bytes, None where it is not known
    stream: "Readable"


class Readable(Protocol):
    """What gives its bytes in order."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes; fewer only at the end."""


class _Joined:
    """A stream after some of its bytes were read."""

    def __init__(self, start: bytes, rest: Unpacked) -> None:
        self._start = start
        self._rest = rest

    def read(self, size: int, /) -> bytes:
        part, self._start = self._start[:size], self._start[size:]
        return part + self._rest.read(size - len(part)) if len(part) < size else part


def is_archive(start: bytes) -> bool:
    """Whether a file that begins with these bytes can be looked into."""
    return is_compressed(start) or start.startswith(_ZIP) or _is_tar(start)


def is_compressed(start: bytes) -> bool:
    """Whether a file that begins with these bytes is compressed, wholly or in part."""
    return (
        start.startswith((*_COMPRESSED, *_CPIO, git_objects.PACK))
        or is_package(start)
        or git_objects.is_loose(start)
    )


def archive_members(stream: BinaryIO, *, limit: UnpackedLimit) -> Iterator[ArchiveMember]:
    """Yield what an archive holds, in its order; `stream` is at its beginning and can seek.

    Raises ClosedArchiveError at the end for what is encrypted, UnpackedLimitError for what is too
    large, and others of DAMAGED for what is damaged.
    """
    start = stream.read(_BLOCK)
    stream.seek(0)
    if start.startswith(_ZIP):
        yield from _in_zip(stream, limit)
    elif is_package(start):
        for name, part in packed_parts(stream):
            if is_archive(part.read(_BLOCK)):
                part.seek(0)
                yield from archive_members(part, limit=limit)
            else:
                part.seek(0)
                yield ArchiveMember(name=name, size=None, stream=part)
    elif start.startswith(git_objects.PACK):
        yield from _in_pack(stream, limit)
    elif _is_tar(start):
        yield from _in_tar(stream)
    elif start.startswith(_CPIO):
        yield from _in_cpio(stream)
    else:
        yield from _in_compressed(start, stream, limit)


def _is_tar(start: bytes) -> bool:
    return start[_TAR_AT : _TAR_AT + 5] == b"ustar"


def _in_compressed(start: bytes, stream: BinaryIO, limit: UnpackedLimit) -> Iterator[ArchiveMember]:
    unpacked = Unpacked(_streams(start[:6], stream, limit))
    inner = _LOOSE.sub(b"", unpacked.read(_BLOCK))
    joined = _Joined(inner, unpacked)
    if _is_tar(inner):
        yield from _in_tar(joined)
    elif inner.startswith(_CPIO):
        stream.seek(0)
        yield from _in_cpio(stream)
    else:
        yield ArchiveMember(name="", size=None, stream=joined)


def _streams(kind: bytes, stream: BinaryIO, limit: UnpackedLimit) -> Iterator[bytes]:
    """Yield what all streams of a kind give that stand in a row, as parallel packers write them."""
    while kind:
        yield from decoded(kind, stream, limit=limit)
        at = stream.tell()
        rest = stream.read(_BLOCK)
        padding = len(rest) - len(rest.lstrip(b"\0"))  # xz(1) may write some
        following = rest[padding : padding + 6]
        kind = following if following[:2] == kind[:2] else b""
        stream.seek(at + (padding if kind else 0))


def _in_pack(stream: BinaryIO, limit: UnpackedLimit) -> Iterator[ArchiveMember]:
    for each in git_objects.packed_objects(stream, limit=limit):
        name = f"objects/{each.name[:2]}/{each.name[2:]}"
        yield ArchiveMember(name=name, size=len(each.data), stream=io.BytesIO(each.data))


def _in_tar(stream: Readable) -> Iterator[ArchiveMember]:
    # Reads forwards only: nothing is kept but the piece of a member that is looked at.
    with tarfile.open(fileobj=cast("BinaryIO", stream), mode="r|") as archive:
        for number, member in enumerate(archive):
            if number >= _MOST_MEMBERS:
                message = "it has too many members"
                raise UnpackedLimitError(message)
            archive.members = []  # type: ignore[attr-defined]  # else it keeps each one
            inner = archive.extractfile(member) if member.isreg() else None
            target = io.BytesIO(member.linkname.encode("utf-8", "surrogateescape"))
            yield ArchiveMember(
                name=member.name,
                size=member.size if inner else None,
                stream=inner or target,
            )


def _in_cpio(stream: BinaryIO) -> Iterator[ArchiveMember]:
    """Yield the files of an initramfs, whose archives stand in a row."""
    parts: list[bytes] = []

    def keep(_place: tuple[str, ...], at: int, piece: bytes) -> None:
        if at < _MOST_OF_MEMBER:
            parts.append(piece)

    for member in cpio.members(stream, on_piece=keep):
        data = b"".join(parts)
        parts.clear()
        yield ArchiveMember(name=member.name, size=len(data), stream=io.BytesIO(data))


def _in_zip(stream: BinaryIO, limit: UnpackedLimit) -> Iterator[ArchiveMember]:
    closed = False
    with zipfile.ZipFile(stream) as archive:
        for number, member in enumerate(archive.infolist()):
            if number >= _MOST_MEMBERS:
                message = "it has too many members"
                raise UnpackedLimitError(message)
            if member.is_dir():
                continue
            limit.add(member.file_size)
            if member.flag_bits & 1 or member.compress_type not in _ZIP_METHODS:
                closed = True  # only its name can be looked at
                yield ArchiveMember(name=member.filename, size=0, stream=io.BytesIO())
                continue
            with archive.open(member) as inner:
                yield ArchiveMember(name=member.filename, size=member.file_size, stream=inner)
    if closed:
        message = "it is encrypted, or compressed in a way that is not known"
        raise ClosedArchiveError(message)
