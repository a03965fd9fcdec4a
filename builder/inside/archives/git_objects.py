"""Reads git's objects: loose ones, and those in packs with their deltas resolved.

Format: gitformat-pack(5), version 2 and 3. Nothing is kept of the contents but a few MiB of bases.
"""

import hashlib
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final, NamedTuple

from builder.inside.archives.unpacking import UnpackedLimit, UnpackedLimitError

PACK: Final = b"PACK"
_VERSIONS: Final = (2, 3)
_KINDS: Final = {1: b"commit", 2: b"tree", 3: b"blob", 4: b"tag"}
_BY_OFFSET: Final = 6
_BY_NAME: Final = 7
_NAME: Final = 20  # bytes of a SHA-1
_PIECE: Final = 64 << 10
_LARGEST: Final = 32 << 20  # bytes of one object
_KEPT: Final = 32 << 20  # bytes of bases
_DEEPEST: Final = 4096  # deltas on each other; git makes 250 at most
_MOST: Final = 500_000  # objects


class GitObject(NamedTuple):
    """An object: its name in hexadecimal digits, and what it holds."""

    name: str
    data: bytes


class _Packed(NamedTuple):
    kind: int
    base: int  # where the object is of which this is a delta; 0 for none
    data: bytes


def is_loose(start: bytes) -> bool:
    """Whether a file that begins with these bytes is a stream of zlib (RFC 1950)."""
    if start[:1] != b"\x78" or len(start) < 8 or int.from_bytes(start[:2]) % 31:
        return False
    try:
        return bool(zlib.decompressobj().decompress(start[:_PIECE], 16))
    except zlib.error:
        return False


def packed_objects(stream: BinaryIO, *, limit: UnpackedLimit) -> Iterator[GitObject]:
    """Yield the objects of a pack, each as the file that it was.

    Raises ValueError, IndexError, EOFError or zlib.error for a damaged pack, UnpackedLimitError for
    one that is too large.
    """
    head = stream.read(12)
    if len(head) < 12 or int.from_bytes(head[4:8]) not in _VERSIONS:
        message = "it is no pack that git makes today"
        raise ValueError(message)
    yield from _Pack(stream=stream, limit=limit).objects(int.from_bytes(head[8:12]))


@dataclass(slots=True, kw_only=True)
class _Pack:
    stream: BinaryIO
    limit: UnpackedLimit
    named: dict[bytes, int] = field(default_factory=dict)  # where an object begins
    bases: "OrderedDict[int, tuple[int, bytes]]" = field(default_factory=OrderedDict)
    held: int = 0

    def objects(self, count: int) -> Iterator[GitObject]:
        if count > _MOST:
            message = f"it holds more than {_MOST} objects"
            raise UnpackedLimitError(message)
        at = self.stream.tell()
        for _number in range(count):
            self.stream.seek(at)
            packed = self._next()
            following = self.stream.tell()
            kind, data = self._resolved(at, packed)
            digest = hashlib.sha1(usedforsecurity=False)
            digest.update(b"%s %d\0" % (_KINDS[kind], len(data)))
            digest.update(data)
            self.named[digest.digest()] = at
            yield GitObject(digest.hexdigest(), data)
            at = following

    def _resolved(self, at: int, packed: _Packed) -> tuple[int, bytes]:
        """Return the kind and the content of the object at `at`."""
        deltas: list[tuple[int, bytes]] = []
        while packed.base:
            deltas.append((at, packed.data))
            at = packed.base
            if at in self.bases:
                self.bases.move_to_end(at)
                packed = _Packed(self.bases[at][0], 0, self.bases[at][1])
            else:
                self.stream.seek(at)
                packed = self._next()
            if len(deltas) > _DEEPEST:
                message = "its deltas are too deep"
                raise ValueError(message)
        kind, data = packed.kind, packed.data
        self._keep(at, kind, data)
        for place, delta in reversed(deltas):
            data = self._applied(delta, data)
            self._keep(place, kind, data)
        return kind, data

    def _keep(self, at: int, kind: int, data: bytes) -> None:
        if at in self.bases:
            return
        self.bases[at] = kind, data
        self.held += len(data)
        while self.held > _KEPT:
            _place, (_kind, oldest) = self.bases.popitem(last=False)
            self.held -= len(oldest)

    def _next(self) -> _Packed:
        """Read what is at the position of the stream, and leave it after that."""
        start = self.stream.tell()
        byte = self._byte()
        kind, size, shift = byte >> 4 & 7, byte & 15, 4
        while byte & 0x80:
            byte = self._byte()
            size |= (byte & 0x7F) << shift
            shift += 7
            if shift > 40:
                break
        if size > _LARGEST:
            message = "it holds an object that is too large"
            raise UnpackedLimitError(message)
        base = self._base(kind, start)
        return _Packed(kind, base, self._inflated(size))

    def _base(self, kind: int, start: int) -> int:
        if kind in _KINDS:
            return 0
        if kind == _BY_OFFSET:
            byte = self._byte()
            back = byte & 0x7F
            while byte & 0x80 and back < start:
                byte = self._byte()
                back = (back + 1) << 7 | byte & 0x7F
            base = start - back
        elif kind == _BY_NAME:
            base = self.named.get(self.stream.read(_NAME), 0)
        else:
            base = 0
        if not 0 < base < start:
            message = "it holds a delta without its base"
            raise ValueError(message)
        return base

    def _inflated(self, size: int) -> bytes:
        self.limit.add(size)
        decoder = zlib.decompressobj()
        parts: list[bytes] = []
        left = size
        while not decoder.eof:
            packed = decoder.unconsumed_tail or self.stream.read(_PIECE)
            if not packed:
                raise EOFError
            parts.append(decoder.decompress(packed, left + 1))
            left -= len(parts[-1])
            if left < 0:
                message = "it holds an object that is longer than it says"
                raise ValueError(message)
        self.stream.seek(-len(decoder.unused_data), 1)
        return b"".join(parts)

    def _byte(self) -> int:
        byte = self.stream.read(1)
        if not byte:
            raise EOFError
        return byte[0]

    def _applied(self, delta: bytes, base: bytes) -> bytes:
        _before, at = _number(delta, 0)
        size, at = _number(delta, at)
        if size > _LARGEST:
            message = "it holds an object that is too large"
            raise UnpackedLimitError(message)
        self.limit.add(size)
        parts: list[bytes] = []
        left = size
        while at < len(delta):
            part, at = _instruction(delta, at, base)
            parts.append(part)
            left -= len(part)
            if left < 0 or not part:
                message = "it holds a delta that is damaged"
                raise ValueError(message)
        return b"".join(parts)


def _instruction(delta: bytes, at: int, base: bytes) -> tuple[bytes, int]:
    """Return what one instruction of a delta gives, and where the next one is."""
    code = delta[at]
    at += 1
    if not code & 0x80:
        return delta[at : at + code], at + code
    numbers = []
    for bits in ((0, 1, 2, 3), (4, 5, 6)):
        number = 0
        for shift, bit in enumerate(bits):
            if code >> bit & 1:
                number |= delta[at] << 8 * shift if at < len(delta) else 0
                at += 1
        numbers.append(number)
    offset, size = numbers[0], numbers[1] or 0x10000
    return base[offset : offset + size], at


def _number(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while at < len(data) and shift < 64:
        number |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            break
    return number, at
