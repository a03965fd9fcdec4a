"""Sizes and digests of files, each read once from start to end."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDigest:
    """What identifies the content of a file."""

    size: int  # bytes
    sha256: str  # hex


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """The digests that go into checksum files, in hex."""

    sha256: str
    md5: str


def digest_file(path: Path) -> FileDigest:
    """Return the size and digest of `path`."""
    sha256, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            sha256.update(chunk)
            size += len(chunk)
    return FileDigest(size=size, sha256=sha256.hexdigest())


class Summing:
    """Computes both digests of content that arrives in pieces."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)  # what live-boot puts in every initramfs
        self._size = 0

    def update(self, piece: bytes) -> None:
        """Take the next piece."""
        self._sha256.update(piece)
        self._md5.update(piece)
        self._size += len(piece)

    @property
    def digest(self) -> FileDigest:
        """Size and digest of the content so far."""
        return FileDigest(size=self._size, sha256=self._sha256.hexdigest())

    @property
    def sums(self) -> Sums:
        """Both digests of the content so far."""
        return Sums(sha256=self._sha256.hexdigest(), md5=self._md5.hexdigest())


def summing_file(path: Path) -> Summing:
    """Read `path` once, and return its sums, to which more may be added."""
    summing = Summing()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            summing.update(chunk)
    return summing
