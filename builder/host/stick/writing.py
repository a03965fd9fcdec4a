"""Writes a layout to a target.

The first MiB is written last. Until then the stick has neither boot code nor a table, so what was
interrupted does not look as if it were whole: firmware finds nothing to start.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from builder.basics.errors import VerificationError
from builder.border.events import OnProgress
from builder.host.stick.guid_table import Span
from builder.host.stick.iso_file import HEAD, IsoFile
from builder.host.stick.layout import Layout, Piece
from builder.host.stick.target import Target

CHUNK: Final = 4 << 20  # bytes
_SETTLE: Final = 32 << 20  # bytes between two waits for the medium, so that progress is no lie


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A range that was written, and its digest."""

    span: Span
    sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """All that was written."""

    rows: tuple[Written, ...]
    iso_sha256: str  # of the ISO as it was read meanwhile


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...


def write(target: Target, iso: IsoFile, layout: Layout, *, on_progress: OnProgress) -> Ledger:
    """Erase what is old, and write everything.

    Raises HostError where the medium cannot be written, VerificationError for an ISO that became
    shorter meanwhile.
    """
    for span in layout.wipes:
        for at in range(span.start, span.end, CHUNK):
            target.write_at(at, bytes(min(CHUNK, span.end - at)))
    target.settle()
    digest = hashlib.sha256(iso.head)
    total = iso.size + sum(len(piece.content) for piece in layout.pieces)
    rows: list[Written] = []
    done = unsettled = 0
    for piece in _in_order(iso, layout, digest):
        target.write_at(piece.at, piece.content)
        size = len(piece.content)
        span = Span(start=piece.at, size=size)
        rows.append(Written(span=span, sha256=hashlib.sha256(piece.content).digest()))
        done, unsettled = done + size, unsettled + size
        if unsettled >= _SETTLE:
            target.settle()
            unsettled = 0
        on_progress(done / total)
    target.settle()
    return Ledger(rows=tuple(rows), iso_sha256=digest.hexdigest())


def _in_order(iso: IsoFile, layout: Layout, digest: _Digest) -> Iterator[Piece]:
    iso.stream.seek(HEAD)
    at = HEAD
    while at < iso.size:
        content = iso.stream.read(min(CHUNK, iso.size - at))
        if not content:
            raise VerificationError(
                "{name} became shorter while it was read", hint="Copy it again.", name=iso.name
            )
        digest.update(content)
        yield Piece(at=at, content=content)
        at += len(content)
    yield from layout.pieces
    yield Piece(at=0, content=layout.head)
