"""What a stick becomes: where each byte that is written goes, and what of the old is erased.

The ISO is first, as it is; behind it, if asked for, a partition for persistence. What is there
from before is erased where file systems and tables have their marks: at both ends of the disk and
of each partition. Otherwise a partition that begins where an old one did would have its contents.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from builder.basics.errors import HostError
from builder.basics.sizes import readable_size
from builder.host.stick.guid_table import Span
from builder.host.stick.iso_file import IsoFile

MARKS: Final = 1 << 20  # bytes at an end in which all that blkid knows has its marks


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Bytes for a place on the stick."""

    at: int  # bytes
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A stick as it will be."""

    size: int  # bytes
    head: bytes  # instead of the ISO's first MiB
    wipes: tuple[Span, ...]  # in order, none overlaps another
    pieces: tuple[Piece, ...]  # behind the ISO


def plain_layout(iso: IsoFile, *, size: int, old: Iterable[Span]) -> Layout:
    """Return the layout of a stick of `size` bytes with the ISO alone; `old` are partitions on it.

    Raises HostError where it does not fit.
    """
    _check_room(iso.size, size)
    return Layout(size=size, head=iso.head, wipes=wipes(size, old), pieces=())


def wipes(size: int, old: Iterable[Span]) -> tuple[Span, ...]:
    """Return what has to be erased on a disk of `size` bytes."""
    found: list[Span] = []
    for span in sorted(_ends(size, old), key=lambda each: each.start):
        if found and span.start <= found[-1].end:
            last = found[-1]
            end = max(last.end, span.end)
            found[-1] = Span(start=last.start, size=end - last.start)
        else:
            found.append(span)
    return tuple(found)


def _ends(size: int, old: Iterable[Span]) -> Iterator[Span]:
    for span in (Span(start=0, size=size), *old):
        first, last = min(span.start, size), min(span.end, size)
        if first < last:
            yield Span(start=first, size=min(MARKS, last - first))
            start = max(first, last - MARKS)
            yield Span(start=start, size=last - start)


def _check_room(needed: int, size: int) -> None:
    if size < needed:
        raise HostError(
            "The stick has {size}, and {needed} is needed",
            hint="Take a larger one.",
            size=readable_size(size),
            needed=readable_size(needed),
        )
