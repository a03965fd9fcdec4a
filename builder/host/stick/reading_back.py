"""Reads back what was written, from the medium itself and not from memory.

Sources: open(2) (O_DIRECT: offsets, sizes and addresses are multiples of the sector size), and
posix_fadvise(2) for files, whose file system may not know O_DIRECT.
"""

import contextlib
import hashlib
import mmap
import os
from collections.abc import Iterator

from builder.basics.errors import VerificationError
from builder.border.events import OnProgress
from builder.host.stick.guid_table import SECTOR
from builder.host.stick.target import Target, unreadable
from builder.host.stick.writing import CHUNK, Ledger


def read_back(target: Target, ledger: Ledger, *, on_progress: OnProgress) -> None:
    """Compare every range with what was written.

    Raises VerificationError for the first one that is not the same, HostError for one that cannot
    be read.
    """
    total = sum(row.span.size for row in ledger.rows)
    done = 0
    with _opened(target) as descriptor, mmap.mmap(-1, CHUNK) as buffer:
        for row in ledger.rows:
            content = _read(target, descriptor, buffer, row.span.start, row.span.size)
            if hashlib.sha256(content).digest() != row.sha256:
                raise VerificationError(
                    "{name} does not have what was written to it: the {size} bytes from {at} are "
                    "others",
                    hint="It is broken, or pretends to be larger than it is. Take another one.",
                    name=target.name,
                    size=row.span.size,
                    at=row.span.start,
                )
            done += row.span.size
            on_progress(done / total)


@contextlib.contextmanager
def _opened(target: Target) -> Iterator[int]:
    """Open the target once more, in such a way that nothing comes from memory."""
    direct = os.O_DIRECT if target.disk is not None else 0
    if not direct:
        os.posix_fadvise(target.descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    try:
        descriptor = os.open(f"/proc/self/fd/{target.descriptor}", os.O_RDONLY | direct)
    except OSError as error:
        raise unreadable(target, 0, error) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _read(target: Target, descriptor: int, buffer: mmap.mmap, at: int, size: int) -> bytes:
    whole = -(-size // SECTOR) * SECTOR
    with memoryview(buffer) as view, view[:whole] as part:
        try:
            count = os.preadv(descriptor, [part], at)
        except OSError as error:
            raise unreadable(target, at, error) from error
        return bytes(part[: min(count, size)])
