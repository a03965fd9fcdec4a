"""What a search knows of the files of a tree, and what it learns of them.

Nothing is read to learn what a file holds: the digest of the source has its SHA-256. That is the
content of the file in the copy only if it is the very same inode, which an overlay shows: nobody
can give a file that was written since the time of change of another one. Files that were copied or
edited are searched again.
"""

import json
import os
from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from builder.basics.codec import from_data, to_data
from builder.formats.tree_record import read_records
from builder.inside.blocks.kept_files import SeenFiles, digest_of
from builder.inside.search.contents import Found, Looked

Digests = Mapping[bytes, bytes]  # the SHA-256 of a file of the source by its path
_MD5: Final = 16  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What a search learnt of files by their paths, and how many of them it did not read.

    In bytes it is a line of JSON, then the path, a zero byte and the MD5 of each file.
    """

    public: str  # `digest_of` the public contents
    reused: int
    files: Mapping[bytes, Looked]

    def encode(self) -> bytes:
        """Return it as bytes."""
        searched = tuple(
            _Searched(
                path=os.fsdecode(path),
                packed=looked.packed,
                found=tuple(sorted((each.kind, each.member) for each in looked.found)),
            )
            for path, looked in self.files.items()
            if looked.searched
        )
        head = json.dumps(to_data(_Head(public=self.public, reused=self.reused, searched=searched)))
        rows = b"".join(path + b"\0" + looked.md5 for path, looked in self.files.items())
        return head.encode("ascii") + b"\n" + rows

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return what `encode` made bytes of. Raises ValueError for anything else."""
        text, _newline, rows = data.partition(b"\n")
        head = from_data(_Head, json.loads(text))
        files: dict[bytes, Looked] = {}
        at = 0
        while at < len(rows):
            end = rows.index(b"\0", at)
            files[rows[at:end]] = Looked(md5=rows[end + 1 : end + 1 + _MD5])
            at = end + 1 + _MD5
        for each in head.searched:
            path = os.fsencode(each.path)
            if path not in files:
                raise ValueError("a file has no sum")
            found = frozenset(Found(kind=kind, member=member) for kind, member in each.found)
            files[path] = Looked(
                md5=files[path].md5, searched=True, packed=each.packed, found=found
            )
        return cls(public=head.public, reused=head.reused, files=files)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Searched:
    path: str
    packed: bool
    found: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    public: str
    reused: int
    searched: tuple[_Searched, ...]


@dataclass(slots=True, kw_only=True)
class Recall:
    """Recalls what was `seen` of files of the tree at `source`. Threads may share it."""

    source: Path
    seen: SeenFiles | None = None
    digests: Digests = field(default_factory=dict)
    _public: Collection[bytes] = frozenset()
    _same_public: bool = False
    _recalled: list[tuple[bytes, Looked]] = field(default_factory=list)
    _told: list[tuple[bytes, Looked]] = field(default_factory=list)

    def begin(self, *, public: Collection[bytes]) -> None:
        """Begin; `public` are the MD5 of contents that everybody may have."""
        self._public = public
        self._same_public = self.seen is not None and self.seen.public == digest_of(public)

    def recall(self, path: bytes, status: os.stat_result) -> Set[Found] | None:
        """Return what is in a file of the copy; None if that is not known."""
        sha256 = self.digests.get(path)
        if self.seen is None or sha256 is None or not self._is_original(path, status):
            return None
        md5 = self.seen.sums.get(sha256)
        if md5 is None:
            return None
        looked = Looked(md5=md5)
        if md5 not in self._public:
            before = self.seen.searched.get((path, sha256))
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

    def learnt(self) -> Learnt:
        """Return all that is known now."""
        return Learnt(
            public=digest_of(self._public),
            reused=len(self._recalled),
            files=dict((*self._recalled, *self._told)),
        )

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
