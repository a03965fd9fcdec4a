"""Compares two initramfs: several cpio archives in a row, some of them compressed.

Format: the kernel's Documentation/driver-api/early-userspace/buffer-format.rst, with "newc"
archives (cpio(5)).

Nothing is kept of the contents but digests: some kilobytes can unpack to gigabytes.
"""

import hashlib
import io
import lzma
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import BinaryIO, Final, Protocol

from builder.basics.errors import VerificationError
from builder.border.cache_report import Problem
from builder.border.differences import CONTENT, PRESENCE, SIZE, Difference, Explanation, explained
from builder.inside.explain.parts import Part, first_byte_of
from builder.inside.explain.unpacking import PIECE, Unpacked, UnpackedLimit, decoded

_CPIO: Final = (b"070701", b"070702")
_HEADER: Final = 110  # bytes: the magic, then 13 numbers of eight hexadecimal digits
_TRAILER: Final = b"TRAILER!!!"
_LONGEST_NAME: Final = 4096
_LONGEST_NAMES: Final = 8 << 20  # characters, all together
_MOST_MEMBERS: Final = 50_000  # a desktop's has some thousands
_MOST_LOOKED_INTO: Final = 50
_PACKED_DIFFERENTLY: Final = Problem(
    message="Both initramfs contain the same files, packed differently"
)

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


def explain_initramfs(original: Part, rebuilt: Part) -> Explanation:
    """Say which members of two initramfs differ, and where.

    Raises VerificationError where one of them cannot be unpacked.
    """
    try:
        before, after = (_by_key(part) for part in (original, rebuilt))
        found = _differences(before, after)
        differing = [key for key in before.keys() & after.keys()
                     if before[key].sha256 != after[key].sha256]  # fmt: skip
        wanted = {
            _place(before[key]): (before[key], after[key])
            for key in sorted(differing)[:_MOST_LOOKED_INTO]
        }
        first = _first_bytes((original, rebuilt), wanted)
    except (ValueError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise VerificationError(
            "The initramfs cannot be unpacked: {reason}", reason=str(error) or "it is truncated"
        ) from error
    if not found:
        return explained([], remarks=(_PACKED_DIFFERENTLY,))
    return explained([first.get(each.place, each) if each.attribute == CONTENT else each
                      for each in found])  # fmt: skip


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
        raise EOFError
    return content


def _by_key(part: Part) -> Mapping[tuple[int, str], Member]:
    with part.opened() as stream:
        return {member.key: member for member in members(stream)}


def _first_bytes(
    parts: tuple[Part, Part], wanted: Mapping[Place, tuple[Member, Member]]
) -> dict[Place, Difference]:
    """Say where the contents of these members first differ; only these pieces are kept."""
    starts = {place: _first_piece(*pair) for place, pair in wanted.items()}
    before, after = (_pieces(part, starts) for part in parts)
    found = {}
    for place, start in starts.items():
        one, other = (io.BytesIO(side.get(place, b"")) for side in (before, after))
        if (first := first_byte_of(one, other)) is not None:
            found[place] = replace(first, offset=start + first.offset).difference(*place)
    return found


def _first_piece(one: Member, other: Member) -> int:
    """Return where the first piece that is not the same in two members starts."""
    pairs = zip_longest(one.pieces, other.pieces)
    return PIECE * next((at for at, (was, is_now) in enumerate(pairs) if was != is_now), 0)


def _pieces(part: Part, starts: Mapping[Place, int]) -> Mapping[Place, bytes]:
    found: dict[Place, bytes] = {}

    def keep(place: Place, at: int, piece: bytes) -> None:
        if starts.get(place) == at:
            found[place] = piece

    if starts:
        with part.opened() as stream:
            for _member in members(stream, on_piece=keep):
                pass
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
