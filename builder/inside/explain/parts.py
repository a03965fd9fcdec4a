"""A run of bytes in a file, and where two of them differ first."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from builder.differences import CONTENT, SIZE, Difference, shown_byte
from builder.inside.digests import CHUNK


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """`size` bytes of `file` from `start` on."""

    file: Path
    start: int
    size: int

    def read(self, offset: int, size: int) -> bytes:
        """Return at most `size` bytes from `offset` on, and nothing behind the part's end."""
        with self.file.open("rb") as stream:
            stream.seek(self.start + offset)
            return stream.read(max(min(size, self.size - offset), 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstByte:
    """The first byte that differs; b"" on the side that ended before."""

    offset: int
    original: bytes
    rebuilt: bytes

    def difference(self) -> Difference:
        """Return it as a difference of what is compared."""
        return Difference(
            place=(),
            attribute=CONTENT,
            original=shown_byte(self.original),
            rebuilt=shown_byte(self.rebuilt),
            offset=self.offset,
        )


def first_byte(
    original: Part, rebuilt: Part, *, progress: Callable[[int], None] = lambda _count: None
) -> FirstByte | None:
    """Return where two parts differ first, None where they are the same; `progress` in bytes."""
    with original.file.open("rb") as one, rebuilt.file.open("rb") as other:
        one.seek(original.start)
        other.seek(rebuilt.start)
        return first_byte_of(
            _Limited(one, original.size), _Limited(other, rebuilt.size), progress=progress
        )


class _Limited:
    """A stream that ends after so many bytes."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._left = stream, size

    def read(self, size: int) -> bytes:
        piece = self._stream.read(min(size, self._left))
        self._left -= len(piece)
        return piece


class Readable(Protocol):
    """Anything that gives its next bytes, and fewer than asked for only at its end."""

    def read(self, size: int, /) -> bytes: ...


def first_byte_of(
    original: Readable, rebuilt: Readable, *, progress: Callable[[int], None] = lambda _count: None
) -> FirstByte | None:
    """Return where two streams differ first, None where they are the same."""
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
    """Return the first place where two different byte strings differ, by halving."""
    low, high = 0, max(len(before), len(after))
    while high - low > 1:
        middle = (low + high) // 2
        if before[low:middle] == after[low:middle]:
            low = middle
        else:
            high = middle
    return low


def size_difference(original: int, rebuilt: int) -> list[Difference]:
    """Return that two sizes differ, in bytes; nothing when they do not."""
    if original == rebuilt:
        return []
    return [
        Difference(place=(), attribute=SIZE, original=str(original), rebuilt=str(rebuilt))
    ]
