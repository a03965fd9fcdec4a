"""What searches of earlier builds found in single files, kept in the store of compressed blocks.

What is found in a file depends on its bytes, its path, the words, the rules and, if it is an
archive, on which contents are public. The image, which has the rules, and the words decide the
name of the value; the SHA-256 of a file and its path are in it.

A value is a line of JSON, then 48 bytes for each content: its SHA-256 and its MD5, by which
packages name it.
"""

import hashlib
import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from builder.basics.codec import from_data, to_data
from builder.inside.blocks.kept_value import KeptValue
from builder.inside.blocks.store import BlockCache

_KIND: Final = b"dcseen1"
_LARGEST: Final = 64 << 20  # bytes, so a million of files
_SHA256: Final = 32
_ROW: Final = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedFile:
    """What is in a file that is not public."""

    path: str
    sha256: str
    packed: bool  # it was looked into, so the public contents decided, too
    found: tuple[tuple[str, str], ...]  # kinds, each with the member of an archive

    @property
    def key(self) -> tuple[bytes, bytes]:
        """What decides it: the path, and the SHA-256 of its content."""
        return os.fsencode(self.path), bytes.fromhex(self.sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    public: str
    searched: tuple[SearchedFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFiles:
    """What is known of files."""

    public: str  # `digest_of` the public contents
    sums: Mapping[bytes, bytes]  # the MD5 of a content by its SHA-256
    searched: Mapping[tuple[bytes, bytes], SearchedFile]

    def encode(self) -> bytes:
        """Return it as the bytes of a value."""
        searched = tuple(self.searched[key] for key in sorted(self.searched))
        text = json.dumps(to_data(_Head(public=self.public, searched=searched)))
        rows = b"".join(sha256 + self.sums[sha256] for sha256 in sorted(self.sums))
        return text.encode("ascii") + b"\n" + rows

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return what `encode` made bytes of. Raises ValueError for anything else."""
        text, _newline, rows = data.partition(b"\n")
        head = from_data(_Head, json.loads(text))
        sums = {
            rows[at : at + _SHA256]: rows[at + _SHA256 : at + _ROW]
            for at in range(0, len(rows), _ROW)
        }
        searched = {each.key: each for each in head.searched}
        return cls(public=head.public, sums=sums, searched=searched)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFiles:
    """The entry in a store for files that were searched by an image for words: `inputs`."""

    store: BlockCache
    run: str
    inputs: Sequence[object]

    def restore(self) -> bytes | None:
        """Return what is known, for `SeenFiles.decode`; None without a value."""
        data = self._kept.read()
        if data is not None:
            self._kept.used()
        return data

    def offer(self, seen: SeenFiles) -> None:
        """Write what is known to the store, for `decide` to keep or drop. May do nothing."""
        self._kept.offer(seen.encode())

    def decide(self, failure: type[BaseException] | None, *_details: object) -> None:
        """Keep what was offered, or drop it after a `failure`: the source may have changed."""
        self._kept.decide(failure)

    @property
    def _kept(self) -> KeptValue:
        return KeptValue(
            store=self.store,
            run=self.run,
            kind=_KIND,
            decided_by=json.dumps(list(self.inputs), sort_keys=True),
            largest=_LARGEST,
        )


def digest_of(public: Collection[bytes]) -> str:
    """Return what identifies a set of public contents."""
    return hashlib.sha256(b"".join(sorted(public))).hexdigest()
