"""A range of bytes in a file, and where two of them first differ."""

import contextlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from builder.border.differences import CONTENT, SIZE, Difference, shown_byte
from builder.inside.system.digests import CHUNK


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """`size` bytes of `file`, starting at `start`."""

    file: Path
    start: int
    size: int

    def read(self, offset: int, size: int) -> bytes:
        """Return at most `size` bytes from `offset` on, and none past the end of the part."""
        with self.file.open("rb") as stream:
            stream.seek(self.start + offset)
            return stream.read(max(min(size, self.size - offset), 0))

    @contextlib.contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """Open it as a file of its own."""
        with self.file.open("rb") as stream:
            yield io.BufferedReader(_Window(stream, self.start, self.size))


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstByte:
    """The first byte that differs; b"" on the side that ended earlier."""

    offset: int
    original: bytes
    rebuilt: bytes

    def difference(self, *place: str) -> Difference:
        """Return it as a difference at `place`."""
        return Difference(
            place=place,
            attribute=CONTENT,
            original=shown_byte(self.original),
            rebuilt=shown_byte(self.rebuilt),
            offset=self.offset,
        )


def first_byte(
    original: Part, rebuilt: Part, *, progress: Callable[[int], None] = lambda _count: None
) -> FirstByte | None:
    """Return where two parts first differ, None if they are equal; `progress` is in bytes."""
    with original.opened() as one, rebuilt.opened() as other:
        return first_byte_of(one, other, progress=progress)


class _Window(io.RawIOBase):
    """A part of a file as a file."""

    def __init__(self, stream: BinaryIO, start: int, size: int) -> None:
        self._stream, self._start, self._size = stream, start, size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = max(min(len(buffer), self._size - self._position), 0)
        self._stream.seek(self._start + self._position)
        piece = self._stream.read(count)
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)


class Readable(Protocol):
    """Anything that returns its next bytes, and fewer than requested only at its end."""

    def read(self, size: int, /) -> bytes: ...


def first_byte_of(
    original: Readable, rebuilt: Readable, *, progress: Callable[[int], None] = lambda _count: None
) -> FirstByte | None:
    """Return where two streams first differ, None if they are equal."""
    offset = 0
    while True:
        before, after = original.read(CHUNK), rebuilt.read(CHUNK)
        if before != after:
            at = _first(before, after)
            return FirstByte(
                offset=offset + at, original=before[at : at + 1], rebuilt=after[at : at + 1]
            )
        if not before:
            return None
        offset += len(before)
        progress(len(before))


def _first(before: bytes, after: bytes) -> int:
    """Return the first position where two different byte strings differ, by bisection."""
    low, high = 0, max(len(before), len(after))
    while high - low > 1:
        middle = (low + high) // 2
        if before[low:middle] == after[low:middle]:
            low = middle
        else:
            high = middle
    return low


def size_difference(original: int, rebuilt: int) -> list[Difference]:
    """Return the difference between two sizes in bytes; empty if they are equal."""
    if original == rebuilt:
        return []
    return [Difference(place=(), attribute=SIZE, original=str(original), rebuilt=str(rebuilt))]
