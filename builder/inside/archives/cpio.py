"""Reads an initramfs: several cpio archives in a row, some of them compressed.

Format: the kernel's Documentation/driver-api/early-userspace/buffer-format.rst, with "newc"
archives (cpio(5)).

Nothing is kept of the contents but digests: some kilobytes can unpack to gigabytes.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol

from builder.inside.archives.unpacking import PIECE, Unpacked, UnpackedLimit, decoded

_CPIO: Final = (b"070701", b"070702")
_HEADER: Final = 110  # bytes: the magic, then 13 numbers of eight hexadecimal digits
_TRAILER: Final = b"TRAILER!!!"
_LONGEST_NAME: Final = 4096
_LONGEST_NAMES: Final = 8 << 20  # characters, all together
_MOST_MEMBERS: Final = 50_000  # a desktop's has some thousands

Place = tuple[str, ...]
OnPiece = Callable[[Place, int, bytes], None]  # a member, where in it, and what is there


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file in an initramfs."""

    archive: int  # from 1
    name: str
    mode: int
    uid: int
    gid: int
    mtime: int
    size: int
    sha256: str
    pieces: tuple[bytes, ...]  # the SHA-256 of every PIECE bytes

    @property
    def key(self) -> tuple[int, str]:
        """What identifies it."""
        return self.archive, self.name


def _unread(_place: Place, _at: int, _piece: bytes) -> None:
    """Content that nobody looks at."""


def members(stream: BinaryIO, *, on_piece: OnPiece = _unread) -> Iterator[Member]:
    """Yield every member, after its content in pieces of at most PIECE bytes.

    Raises ValueError or EOFError for damaged archives, and for those that are too large unpacked.
    """
    number = count = names = 0
    limit = UnpackedLimit()
    while kind := _next_archive(stream):
        number += 1
        source = stream if kind in _CPIO else Unpacked(decoded(kind, stream, limit=limit))
        for member in _archive(source, number, on_piece):
            count, names = count + 1, names + len(member.name)
            if count > _MOST_MEMBERS or names > _LONGEST_NAMES:
                message = f"it has more than {_MOST_MEMBERS} files, or too long names"
                raise ValueError(message)
            yield member


def _next_archive(stream: BinaryIO) -> bytes:
    """Skip zeros; return the first bytes of what follows, without consuming them."""
    while True:
        start = stream.tell()
        piece = stream.read(PIECE)
        rest = piece.lstrip(b"\0")
        if rest or not piece:
            stream.seek(start + len(piece) - len(rest))
            return rest[:6] if rest else b""


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def _archive(source: _Readable, number: int, on_piece: OnPiece) -> Iterator[Member]:
    """Yield the members of one cpio archive, and drain what follows in a compressed one."""
    while True:
        header = _exactly(source, _HEADER)
        if header[:6] not in _CPIO:
            message = f"its archive {number} is damaged"
            raise ValueError(message)
        fields = [int(header[at : at + 8], 16) for at in range(6, _HEADER, 8)]
        _inode, mode, uid, gid, _links, mtime, size, *_device, longest, _check = fields
        if not 0 < longest <= _LONGEST_NAME:
            message = f"a name in its archive {number} is too long"
            raise ValueError(message)
        raw = _exactly(source, longest + -(_HEADER + longest) % 4)[: longest - 1]
        place = (f"archive {number}", raw.decode("utf-8", "surrogateescape"))
        digest, pieces = hashlib.sha256(), []
        for at in range(0, size, PIECE):
            piece = _exactly(source, min(PIECE, size - at))
            digest.update(piece)
            pieces.append(hashlib.sha256(piece).digest())
            on_piece(place, at, piece)
        _exactly(source, -size % 4)
        if raw == _TRAILER:
            break
        yield Member(
            archive=number,
            name=place[1],
            mode=mode,
            uid=uid,
            gid=gid,
            mtime=mtime,
            size=size,
            sha256=digest.hexdigest(),
            pieces=tuple(pieces),
        )
    if isinstance(source, Unpacked):
        while source.read(PIECE):
            pass


def _exactly(source: _Readable, size: int) -> bytes:
    content = source.read(size)
    if len(content) < size:
        source.read(1)  # raises what ended it, if that was an error
        raise EOFError
    return content
