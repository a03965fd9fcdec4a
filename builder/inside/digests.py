"""Sizes and digests of files, read once from the beginning to the end."""

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


def sum_file(path: Path) -> Sums:
    """Return both digests of `path`."""
    sha256 = hashlib.sha256()
    md5 = hashlib.md5(usedforsecurity=False)  # the one digest in every initramfs of live-boot
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            sha256.update(chunk)
            md5.update(chunk)
    return Sums(sha256=sha256.hexdigest(), md5=md5.hexdigest())
