"""Whether digest of the source, changes and ISO are one claim: the digest follows from the others.

The records of what is in the ISO, with those of the source in the place of what the private file
says was changed, are the source tree as docs/tree-digest.md defines it. So whatever else would
differ between the source and the ISO gives another digest.
"""

import heapq
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from builder.basics.errors import VerificationError
from builder.basics.printable import clean, short
from builder.formats.changes import Change
from builder.formats.identities import TreeName
from builder.formats.inventory import Entry
from builder.formats.private_record import PrivateRecord
from builder.formats.tree_record import TREE_FORMAT, Record, from_texts, record_of, tree_digest

_OLDER: Final = (
    "Build the ISO again with this version: `reproduce` shows whether it is the same one."
)


@dataclass(slots=True, kw_only=True)
class TreeCounts:
    """How many paths of the source are in the ISO as they were, and how many are not.

    What has another time only because a squashfs cannot hold its own is as it was.
    """

    same: int = 0
    different: int = 0


def check_tree(
    entries: Iterable[Entry], record: PrivateRecord, *, said: TreeName | None, latest: int
) -> TreeCounts:
    """Compute the digest of the source from the ISO's `entries` and what was changed.

    `said` is what the manifest says of the source. A squashfs dates nothing after `latest`.
    Raises VerificationError where they do not fit together, naming the first path where that shows.
    """
    if said is None or said.format != TREE_FORMAT:
        raise VerificationError("The manifest has no digest of the source of a known format")
    if record.originals is None:
        raise VerificationError(
            "The private file does not say what the changed paths were in the source", hint=_OLDER
        )
    source = _Source(record, latest=latest)
    found = tree_digest(source.records(entries))
    if found != said.digest:
        raise VerificationError(
            "The ISO and what the private file says was changed give another source than the one "
            "that the manifest names (its digest is {found}, not {said})",
            hint="One of the three is not of the same build. Do not trust what they say of the "
            "source.",
            found=found,
            said=short(said.digest),
        )
    return source.counts


class _Source:
    """Makes the records of the source again."""

    def __init__(self, record: PrivateRecord, *, latest: int) -> None:
        self.counts = TreeCounts()
        self._latest = latest
        self._originals = _by_path(record.originals or ())
        self._changed = {os.fsencode(each.path) for each in record.changes}
        self._gone = {
            os.fsencode(each.path) for each in record.changes if each.change is Change.REMOVED
        }

    def records(self, entries: Iterable[Entry]) -> Iterator[Record]:
        """Yield those of the ISO that are the source's, and the originals of the others, sorted."""
        originals = sorted(self._originals.values())
        waiting = {path for path in self._originals if not self._is_named(path)}
        self.counts.different = len(originals) - len(waiting)
        yield from heapq.merge(self._unchanged(entries, waiting), originals)
        if waiting:
            raise _unexplained(min(waiting))

    def _unchanged(self, entries: Iterable[Entry], waiting: set[bytes]) -> Iterator[Record]:
        for entry in entries:
            record = record_of(entry)
            if record.path in self._changed:
                continue
            self.counts.same += 1
            original = self._originals.get(record.path)
            if original is None:
                yield record
                continue
            waiting.discard(record.path)
            if not self._is_named(record.path) and not self._is_same_file(original, record):
                raise _unexplained(record.path)

    def _is_named(self, path: bytes) -> bool:
        """Whether the changes name a path, or remove a directory above it."""
        if path in self._changed:
            return True
        while (cut := path.rfind(b"/")) > 0:
            path = path[:cut]
            if path in self._gone:
                return True
        return False

    def _is_same_file(self, original: Record, found: Record) -> bool:
        """Whether only that differs which a squashfs, or another name's change, makes different.

        That is a time that it cannot hold, and which of a file's names is the first one.
        """
        if 0 <= int(original.mtime) <= self._latest and original.mtime != found.mtime:
            return False
        return original == found._replace(mtime=original.mtime, first=original.first)


def _by_path(rows: Iterable[Iterable[str]]) -> Mapping[bytes, Record]:
    found: dict[bytes, Record] = {}
    for row in rows:
        try:
            record = from_texts(row)
            int(record.mtime)
        except ValueError as error:
            raise VerificationError(
                "The private file has a record that cannot be read: {reason}",
                reason=short(str(error)),
            ) from error
        if found.setdefault(record.path, record) is not record:
            raise VerificationError(
                "The private file has two records of {path}", path=_shown(record.path)
            )
    return found


def _unexplained(path: bytes) -> VerificationError:
    return VerificationError(
        "{path} is not in the ISO as it was in the source, and no rule says so", path=_shown(path)
    )


def _shown(path: bytes) -> str:
    return short(clean(os.fsdecode(path)))
