"""Searches the content of one file: its head, its bytes in blocks, and what it packs.

Nothing of a content is kept. A file that is the same, byte by byte, as one of an installed package
is no finding: everybody can have it.
"""

import errno
import hashlib
import io
import threading
from collections.abc import Collection, Iterator, Set
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from builder.inside.archives.git_objects import PACK
from builder.inside.archives.members import (
    DAMAGED,
    ArchiveMember,
    Readable,
    archive_members,
    is_archive,
    is_compressed,
)
from builder.inside.archives.unpacking import (
    ClosedArchiveError,
    UnpackedLimit,
    UnpackedLimitError,
)
from builder.inside.search.derived import is_derived
from builder.inside.search.engine import Engine
from builder.inside.search.hidden import Hidden, hidden_in
from builder.inside.search_rules.formats import FORMATS, HEAD, Head
from builder.inside.search_rules.secret_names import is_secret_file

BLOCK: Final = 8 << 20  # bytes
_PIECE: Final = 256 << 10  # that fit into a processor's cache
OVERLAP: Final = 16 << 10  # of two blocks: more than any rule looks at
_TEXT: Final = 8 << 10  # bytes that have no NUL in a text
_DEEPEST: Final = 3  # a tar in a zip in a file
_BYTE_ORDERS: Final = {  # the longer ones first
    b"\xff\xfe\0\0": "utf-32-le",
    b"\0\0\xfe\xff": "utf-32-be",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
}
_SUFFIXES: Final = (b".gz", b".zlib", b".xz", b".bz2", b".zst", b".lzma", b".Z")
_OF_DECODERS: Final = (None, errno.EINVAL)  # EINVAL: a seek to before the beginning
_TOO_LARGE: Final = "archive-limit"
_CLOSED: Final = "closed-archive"
_LARGEST_INNER: Final = 64 << 20  # bytes of an archive in another; one at a time is in memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A kind of private thing in a file; `member` says where in it, if it is an archive."""

    kind: str
    member: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a search learnt of a file."""

    md5: bytes  # of its content
    searched: bool = False  # it is not public
    packed: bool = False  # it was looked into, so the public contents decided, too
    found: Set[Found] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentSearch:
    """Searches contents with the rules of `engine`, except those whose MD5 is in `public`."""

    engine: Engine
    public: Collection[bytes] = field(default_factory=frozenset)
    _large: "threading.RLock" = field(default_factory=threading.RLock)

    def look(self, file: BinaryIO, *, path: bytes, size: int) -> Looked:
        """Search an open file of `size` bytes. Raises OSError where it cannot be read."""
        digest = hashlib.md5(usedforsecurity=False)
        start = file.read(size + 1) if size <= BLOCK else b""
        digest.update(start)
        if start and len(start) <= size:
            file = io.BytesIO(start)  # it is read once, whatever it is
        else:
            while piece := file.read(_PIECE):
                digest.update(piece)
        if digest.digest() in self.public:
            return Looked(md5=digest.digest())
        file.seek(0)
        found = set(self._in_stream(file, path=path, size=size))
        file.seek(0)
        packed = is_archive(file.read(HEAD))
        if packed:
            file.seek(0)
            found.update(self._in_archive(file, path=path, limit=UnpackedLimit(), depth=0))
        elif start:
            hidden = hidden_in(start, path=path, binary=_is_binary(start))
            found.update(self._in_hidden(hidden, path, UnpackedLimit(), depth=0))
            packed = bool(hidden.archives)
        return Looked(md5=digest.digest(), searched=True, packed=packed, found=found)

    def in_file(self, file: BinaryIO, *, path: bytes, size: int) -> Set[Found]:
        """Return what is private in an open file of `size` bytes.

        Raises OSError where it cannot be read.
        """
        return self.look(file, path=path, size=size).found

    def in_bytes(self, data: bytes, *, path: bytes) -> Set[Found]:
        """Return what is private in a content that is in memory."""
        return self.in_file(io.BytesIO(data), path=path, size=len(data))

    def in_stream(self, stream: Readable, *, path: bytes, size: int | None) -> Set[Found]:
        """Return what is private in something that can be read once; archives up to a block."""
        member = ArchiveMember(name="", size=size, stream=stream)
        return self._member(member, path, UnpackedLimit(), depth=0)

    def _in_stream(self, stream: Readable, *, path: bytes, size: int) -> Iterator[Found]:
        block = stream.read(BLOCK)
        head = Head(path=path, start=block[:HEAD], size=size)
        if is_secret_file(head):
            yield Found(kind="secret-file")
        yield from (Found(kind=each.kind) for each in FORMATS if each.shows(head))
        if is_compressed(head.start):
            return  # chance would find hashes in it; what it holds is searched instead
        binary = _is_binary(block)
        while block:
            if block.count(0) != len(block):  # holes have nothing, and may be hundreds of GB
                yield from (Found(kind=kind) for kind in self._kinds(block, path, binary=binary))
            more = stream.read(BLOCK - OVERLAP)
            block = block[-OVERLAP:] + more if more else b""

    def _kinds(self, block: bytes, path: bytes, *, binary: bool = False) -> Iterator[str]:
        yield from self.engine.kinds_in(block, path=path, binary=binary)
        if encoding := _utf16_of(block):
            text = block.decode(encoding, errors="replace").encode("utf-8", errors="replace")
            yield from self.engine.kinds_in(text, path=path)

    def _in_hidden(
        self, hidden: Hidden, path: bytes, limit: UnpackedLimit, *, depth: int
    ) -> Iterator[Found]:
        for text, binary in ((hidden.text, False), (hidden.names, True)):
            if text:
                yield from (Found(kind=kind) for kind in self._kinds(text, path, binary=binary))
        for archive in hidden.archives:
            file = io.BytesIO(archive)
            yield from self._in_archive(file, path=path, limit=limit, depth=depth + 1)

    def _in_archive(
        self, file: BinaryIO, *, path: bytes, limit: UnpackedLimit, depth: int
    ) -> Iterator[Found]:
        start = file.read(HEAD)
        if not is_archive(start):
            return
        if depth >= _DEEPEST:
            yield Found(kind=_TOO_LARGE)
            return
        file.seek(0)
        names = []
        history: set[str] = set()  # kinds; of thousands of versions in git, one is told
        try:
            for member in archive_members(file, limit=limit):
                names.append(member.name)
                for found in self._member(member, path, limit, depth=depth):
                    if found.kind not in history:
                        yield found
                    if start.startswith(PACK):
                        history.add(found.kind)
        except UnpackedLimitError:
            yield Found(kind=_TOO_LARGE)
        except ClosedArchiveError:
            yield Found(kind=_CLOSED)
        except DAMAGED as error:
            # Whatever it is, its bytes were searched as they are. A bad disk must hide nothing.
            if isinstance(error, OSError) and error.errno not in _OF_DECODERS:
                raise
        listed = "\n".join(names).encode("utf-8", "surrogateescape")
        yield from (Found(kind=kind) for kind in self._kinds(listed, path))

    def _member(
        self, member: ArchiveMember, path: bytes, limit: UnpackedLimit, *, depth: int
    ) -> Set[Found]:
        first = member.stream.read(BLOCK)
        if len(first) < BLOCK or not is_archive(first[:HEAD]):
            return set(self._in_member(member, first, path, limit, depth=depth))
        with self._large:
            first += member.stream.read(_LARGEST_INNER - BLOCK)
            return set(self._in_member(member, first, path, limit, depth=depth))

    def _in_member(
        self, member: ArchiveMember, first: bytes, path: bytes, limit: UnpackedLimit, *, depth: int
    ) -> Iterator[Found]:
        """Search a member, of which the `first` bytes were read."""
        inner = member.name.encode("utf-8", "surrogateescape") or _unpacked_name(path)
        packed = is_archive(first[:HEAD])
        whole = len(first) < (_LARGEST_INNER if packed else BLOCK)
        if whole and hashlib.md5(first, usedforsecurity=False).digest() in self.public:
            return
        if is_derived(b"/" + inner.removeprefix(b"./").lstrip(b"/")):
            return
        size = len(first) if whole else member.size or len(first) + 1
        stream = io.BytesIO(first) if whole else _Again(first, member.stream)
        for found in self._in_stream(stream, path=inner, size=size):
            yield Found(kind=found.kind, member=member.name)
        if packed and not whole:
            yield Found(kind=_TOO_LARGE, member=member.name)
        elif packed:
            file = io.BytesIO(first)
            for found in self._in_archive(file, path=inner, limit=limit, depth=depth + 1):
                yield Found(kind=found.kind, member=member.name)
        elif whole:
            hidden = hidden_in(first, path=inner, binary=_is_binary(first))
            for found in self._in_hidden(hidden, inner, limit, depth=depth):
                yield Found(kind=found.kind, member=member.name)


class _Again:
    """A stream whose first bytes were read already."""

    def __init__(self, first: bytes, rest: Readable) -> None:
        self._first = first
        self._rest = rest

    def read(self, size: int, /) -> bytes:
        part, self._first = self._first[:size], self._first[size:]
        return part + self._rest.read(size - len(part)) if len(part) < size else part


def _is_binary(start: bytes) -> bool:
    return b"\0" in start[:_TEXT] and not _utf16_of(start)


def _unpacked_name(path: bytes) -> bytes:
    """Return the name of what a compressed file holds."""
    for suffix in _SUFFIXES:
        if path.endswith(suffix):
            return path.removesuffix(suffix)
    return path


def _utf16_of(block: bytes) -> str | None:
    """Return the encoding of a text in UTF-16 or UTF-32; None for anything else."""
    for mark, encoding in _BYTE_ORDERS.items():
        if block.startswith(mark):
            return encoding
    start = block[:1024]
    half = len(start) // 2
    zeros = start[::2].count(0), start[1::2].count(0)
    if half > 8 and zeros[1] > 0.8 * half and zeros[0] < 0.1 * half:
        return "utf-16-le"
    if half > 8 and zeros[0] > 0.8 * half and zeros[1] < 0.1 * half:
        return "utf-16-be"
    return None
