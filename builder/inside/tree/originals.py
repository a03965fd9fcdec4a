"""What the source has and the ISO has not, or has otherwise: enough to show where a tree came from.

With these records, and those of everything else in the ISO, anyone can compute the digest of the
source (docs/tree-digest.md) from the ISO.
"""

import os
from collections.abc import Iterable, Iterator

from builder.formats.changes import Change, ChangedPath
from builder.formats.tree_record import Record

# A private file is read whole, and a tree of which more is different is hardly the ISO's any more.
MOST_ORIGINALS = 100_000


def originals(
    records: Iterable[Record], changes: Iterable[ChangedPath], *, latest: int
) -> Iterator[Record]:
    """Yield the records that an ISO with these changes does not have as they are.

    Those are: of what was changed or removed, with everything below that; of the other names of a
    file of which a name was; and of what a squashfs has to date differently, because its time is
    before 1970 or after `latest` (seconds since 1970), which mksquashfs allows nothing to be.
    """
    changed: set[bytes] = set()
    gone: set[bytes] = set()
    for each in changes:
        path = os.fsencode(each.path)
        (gone if each.change is Change.REMOVED else changed).add(path)

    def differs(path: bytes) -> bool:
        return path in changed or path in gone or any(above in gone for above in _above(path))

    for record in records:
        dated = 0 <= int(record.mtime) <= latest
        if not dated or differs(record.path) or (record.first and differs(record.first)):
            yield record


def _above(path: bytes) -> Iterator[bytes]:
    """Yield every directory above a path, but not the top."""
    while (cut := path.rfind(b"/")) > 0:
        path = path[:cut]
        yield path
