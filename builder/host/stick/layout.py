"""What a stick becomes: where each byte that is written goes, and what of the old is erased.

The ISO is first, as it is; behind it, if asked for, a partition for persistence. What is there
from before is erased where file systems and tables have their marks: at both ends of the disk and
of each partition. Otherwise a partition that begins where an old one did would have its contents.
"""

import hashlib
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from builder.basics.errors import HostError, UsageError
from builder.basics.sizes import readable_size
from builder.host.stick.ext4 import NewFileSystem, ext4_blocks
from builder.host.stick.ext4_geometry import LARGEST, SMALLEST
from builder.host.stick.guid_table import SECTOR, GuidTable, Span, grown, usable_end
from builder.host.stick.iso_file import IsoFile

MARKS: Final = 1 << 20  # bytes at an end in which all that blkid knows has its marks

# What live-boot looks for, persistence.conf(5): a partition with this label and this file.
_LABEL: Final = "persistence"
_FILE: Final = "persistence.conf"
_CONTENT: Final = b"/ union\n"
_ALIGNED: Final = 4 << 20  # bytes; flash is erased in blocks of some MiB
_ROUNDED: Final = 1 << 20  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Persistence:
    """A partition that is wished behind the ISO."""

    size: int | None  # bytes; None for all that is free


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
    pieces: tuple[Piece, ...] = ()  # behind the ISO
    persistence: Span | None = None
    number: int | None = None  # of the partition for persistence


def needed_size(iso: IsoFile, wished: Persistence | None) -> int:
    """Return how many bytes a stick must have. Raises UsageError where it depends on the stick."""
    if wished is None:
        return iso.size
    if wished.size is None:
        raise UsageError(
            "A new file has no rest that could be free",
            hint="Say how large it becomes with --size, or how large the partition is with "
            "--persistence.",
        )
    return _rounded(_start(iso) + wished.size, _ALIGNED) + _ROUNDED  # the table's backup is last


def layout(iso: IsoFile, *, size: int, old: Iterable[Span], wished: Persistence | None) -> Layout:
    """Return the layout of a stick of `size` bytes; `old` are the partitions that are on it.

    The same ISO and sizes give the same bytes. Raises HostError for what does not fit, UsageError
    for persistence that cannot be.
    """
    if size < iso.size:
        raise _too_small(iso.size, size)
    if wished is None:
        return Layout(size=size, head=iso.head, wipes=wipes(size, old))
    table = _table(iso)
    span = _span(iso, table, size=size, wished=wished)
    table_id = _id("partition", table, span).bytes_le
    new = grown(iso.head, table, size=size, partition=span, guid=table_id, name=_LABEL)
    return Layout(
        size=size,
        head=new.head,
        wipes=wipes(size, (*old, span)),
        pieces=(
            *_file_system(iso, table, span),
            Piece(at=size // SECTOR * SECTOR - len(new.tail), content=new.tail),
        ),
        persistence=span,
        number=new.number,
    )


def _table(iso: IsoFile) -> GuidTable:
    """Return the ISO's table, to which a partition can be added. Raises UsageError otherwise."""
    if not iso.is_ours:
        raise UsageError(
            "{name} was not made by distroclone-builder, so nothing says that its boot menu looks "
            "for persistence",
            hint="Leave out --persistence.",
            name=iso.name,
        )
    if iso.table is None or not iso.table.can_grow:
        raise UsageError(
            "The partition table of {name} has no room for one more, or is not a GPT",
            hint="Build the ISO again with this version.",
            name=iso.name,
        )
    return iso.table


def _span(iso: IsoFile, table: GuidTable, *, size: int, wished: Persistence) -> Span:
    start = _start(iso)
    room = max(0, usable_end(table, size=size) - start) // _ROUNDED * _ROUNDED
    wanted = min(room, LARGEST) if wished.size is None else wished.size // _ROUNDED * _ROUNDED
    if wished.size is not None and not SMALLEST <= wanted <= LARGEST:
        raise UsageError(
            "A partition for persistence has from {least} to {most}, not {size}",
            hint="Give a size between these, or `rest` for all that is free; without "
            "--persistence there is no partition.",
            least=readable_size(SMALLEST),
            most=readable_size(LARGEST),
            size=readable_size(wished.size),
        )
    if wanted > room or room < SMALLEST:
        raise _too_small(start + max(wanted, SMALLEST) + _ROUNDED, size)
    return Span(start=start, size=wanted)


def _start(iso: IsoFile) -> int:
    ends = [span.end for _number, span in iso.table.partitions] if iso.table else []
    return _rounded(max([iso.size, *ends]), _ALIGNED)


def _rounded(size: int, step: int) -> int:
    return -(-size // step) * step


def _file_system(iso: IsoFile, table: GuidTable, span: Span) -> Iterator[Piece]:
    wanted = NewFileSystem(
        size=span.size,
        label=_LABEL,
        uuid=_id("file system", table, span).bytes,
        hash_seed=_id("order of names", table, span).bytes,
        time=iso.epoch,
        file=_FILE,
        content=_CONTENT,
    )
    for at, content in ext4_blocks(wanted):
        yield Piece(at=span.start + at, content=content)


def _id(purpose: str, table: GuidTable, span: Span) -> uuid.UUID:
    """Return an id that follows from the ISO, whose own is in its table, and the partition."""
    text = f"distroclone-builder stick, {purpose}, {table.guid.hex()}, {span.start}, {span.size}"
    return uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=5)


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


def _too_small(needed: int, size: int) -> HostError:
    return HostError(
        "The stick has {size}, and {needed} is needed",
        hint="Take a larger one. For a new file, give a larger --size, or leave it out: then it "
        "is as large as needed.",
        size=readable_size(size),
        needed=readable_size(needed),
    )
