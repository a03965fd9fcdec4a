"""Compares two initramfs: several cpio archives in a row, some of them compressed.

Format: the kernel's Documentation/driver-api/early-userspace/buffer-format.rst, with "newc"
archives (cpio(5)).
"""

import bz2
import hashlib
import io
import lzma
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol

from builder.basics.errors import VerificationError
from builder.border.cache_report import Problem
from builder.border.differences import CONTENT, PRESENCE, SIZE, Difference, Explanation, explained
from builder.inside.explain.parts import Part, first_byte_of
from builder.inside.linux import zstd

_CPIO: Final = (b"070701", b"070702")
_HEADER: Final = 110  # bytes: the magic, then 13 numbers of eight hexadecimal digits
_TRAILER: Final = b"TRAILER!!!"
_PIECE: Final = 1 << 20
_PACKED: Final = 64 << 10  # it can unpack to several thousand times as much
_LARGEST_MEMBER: Final = 512 << 20  # bytes
_LONGEST_NAME: Final = 4096
_MOST_MEMBERS: Final = 200_000
_MOST_LOOKED_INTO: Final = 50
_PACKED_DIFFERENTLY: Final = Problem(
    message="Both initramfs contain the same files, packed differently"
)


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

    @property
    def key(self) -> tuple[int, str]:
        """What identifies it."""
        return self.archive, self.name


def explain_initramfs(original: Part, rebuilt: Part) -> Explanation:
    """Say which members of two initramfs differ, and where.

    Raises VerificationError where one of them cannot be unpacked.
    """
    try:
        before, after = (_by_key(part) for part in (original, rebuilt))
        found = _differences(before, after)
        contents = {each.place: each for each in found if each.attribute == CONTENT}
        wanted = set(list(contents)[:_MOST_LOOKED_INTO])
        first = _first_bytes(_contents(original, wanted), _contents(rebuilt, wanted))
    except (ValueError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise VerificationError(
            "The initramfs cannot be unpacked: {reason}", reason=str(error) or "it is truncated"
        ) from error
    if not found:
        return explained([], remarks=(_PACKED_DIFFERENTLY,))
    return explained([first.get(each.place, each) if each.attribute == CONTENT else each
                      for each in found])  # fmt: skip


def members(stream: BinaryIO) -> Iterator[tuple[Member, bytes]]:
    """Yield every member with its content. Raises ValueError or EOFError for damaged archives."""
    number = count = 0
    while kind := _next_archive(stream):
        number += 1
        source = stream if kind in _CPIO else _Unpacked(_decoder(kind, stream))
        for member, content in _archive(source, number):
            count += 1
            if count > _MOST_MEMBERS:
                message = f"it has more than {_MOST_MEMBERS} files"
                raise ValueError(message)
            yield member, content


def _next_archive(stream: BinaryIO) -> bytes:
    """Skip zeros; return the first bytes of what follows, without consuming them."""
    while True:
        start = stream.tell()
        piece = stream.read(_PIECE)
        rest = piece.lstrip(b"\0")
        if rest or not piece:
            stream.seek(start + len(piece) - len(rest))
            return rest[:6] if rest else b""


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Unpacked:
    """The output of a decoder as a stream."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes; fewer only at the end."""
        parts = [self._rest]
        have = len(self._rest)
        while have < size and (piece := next(self._pieces, None)) is not None:
            parts.append(piece)
            have += len(piece)
        joined = b"".join(parts)
        self._rest = joined[size:]
        return joined[:size]


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


def _decoder(kind: bytes, stream: BinaryIO) -> Iterator[bytes]:
    if kind.startswith(zstd.MAGIC):
        return zstd.unpacked(stream)
    if kind.startswith(b"\x1f\x8b"):
        return _decoded(zlib.decompressobj(wbits=31), stream)
    if kind.startswith((b"\xfd7zXZ\0", b"]\0\0")):
        return _decoded(lzma.LZMADecompressor(), stream)
    if kind.startswith(b"BZh"):
        return _decoded(bz2.BZ2Decompressor(), stream)
    message = f"it contains an archive of an unknown format, which begins with {kind.hex()}"
    raise ValueError(message)


def _decoded(decoder: _Decoder, stream: BinaryIO) -> Iterator[bytes]:
    while not decoder.eof:
        packed = stream.read(_PACKED)
        if not packed:
            raise EOFError
        yield decoder.decompress(packed)
    stream.seek(-len(decoder.unused_data), 1)


def _archive(source: _Readable, number: int) -> Iterator[tuple[Member, bytes]]:
    """Yield the members of one cpio archive, and drain what follows in a compressed one."""
    while True:
        header = _exactly(source, _HEADER)
        if header[:6] not in _CPIO:
            message = f"its archive {number} is damaged"
            raise ValueError(message)
        fields = [int(header[at : at + 8], 16) for at in range(6, _HEADER, 8)]
        _inode, mode, uid, gid, _links, mtime, size, *_device, longest, _check = fields
        if size > _LARGEST_MEMBER or not 0 < longest <= _LONGEST_NAME:
            message = f"a file in its archive {number} is too large"
            raise ValueError(message)
        name = _exactly(source, longest + -(_HEADER + longest) % 4)[: longest - 1]
        content = _exactly(source, size + -size % 4)[:size]
        if name == _TRAILER:
            break
        member = Member(
            archive=number,
            name=name.decode("utf-8", "surrogateescape"),
            mode=mode,
            uid=uid,
            gid=gid,
            mtime=mtime,
            size=size,
            sha256=hashlib.sha256(content).hexdigest(),
        )
        yield member, content
    if isinstance(source, _Unpacked):
        while source.read(_PIECE):
            pass


def _exactly(source: _Readable, size: int) -> bytes:
    content = source.read(size)
    if len(content) < size:
        raise EOFError
    return content


def _by_key(part: Part) -> Mapping[tuple[int, str], Member]:
    with part.opened() as stream:
        return {member.key: member for member, _content in members(stream)}


def _contents(part: Part, wanted: Collection[tuple[str, ...]]) -> Mapping[tuple[str, ...], bytes]:
    if not wanted:
        return {}
    with part.opened() as stream:
        found = ((_place(member), content) for member, content in members(stream))
        return {place: content for place, content in found if place in wanted}


def _first_bytes(
    before: Mapping[tuple[str, ...], bytes], after: Mapping[tuple[str, ...], bytes]
) -> dict[tuple[str, ...], Difference]:
    found = {}
    for place, content in before.items():
        first = first_byte_of(io.BytesIO(content), io.BytesIO(after[place]))
        if first is not None:
            found[place] = first.difference(*place)
    return found


def _differences(
    before: Mapping[tuple[int, str], Member], after: Mapping[tuple[int, str], Member]
) -> list[Difference]:
    found = []
    for key in sorted({*before, *after}):
        one, other = before.get(key), after.get(key)
        if one is None or other is None:
            place = _place(after[key] if one is None else before[key])
            yes_no = ("no", "yes") if one is None else ("yes", "no")
            found.append(_difference(place, PRESENCE, *yes_no))
            continue
        for name, was, is_now in (
            ("mode", f"{one.mode:06o}", f"{other.mode:06o}"),
            ("owner", one.uid, other.uid),
            ("group", one.gid, other.gid),
            ("time", one.mtime, other.mtime),
            (SIZE, one.size, other.size),
            (CONTENT, one.sha256, other.sha256),
        ):
            if was != is_now:
                found.append(_difference(_place(one), name, was, is_now))
    return found


def _place(member: Member) -> tuple[str, ...]:
    return (f"archive {member.archive}", member.name)


def _difference(
    place: tuple[str, ...], attribute: str, original: object, rebuilt: object
) -> Difference:
    return Difference(
        place=place, attribute=attribute, original=str(original), rebuilt=str(rebuilt)
    )
