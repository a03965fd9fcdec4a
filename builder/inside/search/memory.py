"""What earlier builds found in the files of a tree, so that only what changed is read again.

Nothing is read to learn what a file holds: the digest of the source has its SHA-256. That is the
content of the file in the copy only if it is the very same inode, which an overlay shows: nobody
can give a file that was written since the time of change of another one. Files that were copied or
edited are searched again.
"""

import os
from collections.abc import Callable, Collection, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path

from builder.formats.tree_record import read_records
from builder.inside.blocks.kept_files import KeptFiles, SearchedFile, SeenFiles, digest_of
from builder.inside.search.contents import Found, Looked

Digests = Mapping[bytes, bytes]  # the SHA-256 of a file of the source by its path


@dataclass(slots=True, kw_only=True)
class FileMemory:
    """Remembers files of the tree at `source` from one build to the next, in `kept`.

    `digests` waits until the source was read. Any number of threads may ask and tell.
    """

    kept: KeptFiles
    source: Path
    digests: Callable[[], Digests]
    _public: Collection[bytes] = frozenset()
    _seen: SeenFiles | None = None
    _known: Digests = field(default_factory=dict)
    _same_public: bool = False
    _recalled: list[tuple[bytes, Looked]] = field(default_factory=list)
    _told: list[tuple[bytes, Looked]] = field(default_factory=list)

    @property
    def reused(self) -> int:
        """How many files were not read."""
        return len(self._recalled)

    def begin(self, *, public: Collection[bytes]) -> None:
        """Recall what is kept; `public` are the MD5 of contents that everybody may have."""
        self._public = public
        self._seen = self.kept.restore()
        if self._seen is not None:
            self._known = self.digests()
            self._same_public = self._seen.public == digest_of(public)

    def recall(self, path: bytes, status: os.stat_result) -> Set[Found] | None:
        """Return what is in a file of the copy; None if that is not known."""
        sha256 = self._known.get(path)
        if self._seen is None or sha256 is None or not self._is_original(path, status):
            return None
        md5 = self._seen.sums.get(sha256)
        if md5 is None:
            return None
        looked = Looked(md5=md5)
        if md5 not in self._public:
            before = self._seen.searched.get((path, sha256))
            if before is None or (before.packed and not self._same_public):
                return None
            found = frozenset(Found(kind=kind, member=member) for kind, member in before.found)
            looked = Looked(md5=md5, searched=True, packed=before.packed, found=found)
        self._recalled.append((path, looked))
        return looked.found

    def tell(self, path: bytes, status: os.stat_result, looked: Looked) -> None:
        """Remember what a search found in a file of the copy."""
        if self._is_original(path, status):
            self._told.append((path, looked))

    def offer(self) -> None:
        """Write all that was told to the store, for `decide` of `kept`."""
        known = self._known or self.digests()
        sums, searched = {}, {}
        for path, looked in (*self._recalled, *self._told):
            sha256 = known.get(path)
            if sha256 is None:
                continue
            sums[sha256] = looked.md5
            if looked.searched:
                found = tuple(sorted((each.kind, each.member) for each in looked.found))
                searched[path, sha256] = SearchedFile(
                    path=os.fsdecode(path),
                    sha256=sha256.hex(),
                    packed=looked.packed,
                    found=found,
                )
        public = digest_of(self._public)
        self.kept.offer(SeenFiles(public=public, sums=sums, searched=searched))

    def _is_original(self, path: bytes, status: os.stat_result) -> bool:
        """Whether a file of the copy is that of the source itself, seen through an overlay."""
        try:
            found = os.lstat(os.fsencode(self.source) + path)
        except OSError:
            return False
        return (found.st_ctime_ns, found.st_mtime_ns, found.st_size) == (
            status.st_ctime_ns,
            status.st_mtime_ns,
            status.st_size,
        )


def file_digests(records: Path) -> Digests:
    """Return the SHA-256 of each regular file in the records of a tree."""
    with records.open("rb") as file:
        return {
            each.path: bytes.fromhex(each.value.decode("ascii"))
            for each in read_records(file)
            if each.kind == b"f"
        }
