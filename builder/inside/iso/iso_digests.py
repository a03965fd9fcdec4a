"""Digests of an ISO and of everything inside it, from one pass over its bytes.

This reads the product itself, not the tree that it was made from.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.inside.iso.iso_report import Extent
from builder.inside.system.digests import CHUNK, FileDigest


@dataclass(frozen=True, slots=True, kw_only=True)
class IsoDigests:
    """The digests from one pass."""

    whole: FileDigest
    inside: dict[str, FileDigest]  # by the extents' paths


def digest_iso(
    iso: Path, extents: Sequence[Extent], *, progress: Callable[[float], None]
) -> IsoDigests:
    """Read `iso` once; the extents of one path must be in order."""
    total = iso.stat().st_size
    whole = hashlib.sha256()
    parts = {extent.path: hashlib.sha256() for extent in extents}
    position = 0
    with iso.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            whole.update(chunk)
            for extent in extents:
                first = max(extent.start - position, 0)
                last = extent.start + extent.size - position
                if first < len(chunk) and last > first:
                    parts[extent.path].update(chunk[first:last])
            position += len(chunk)
            progress(position / total)
    sizes = dict.fromkeys(parts, 0)
    for extent in extents:
        sizes[extent.path] += extent.size
    return IsoDigests(
        whole=FileDigest(size=position, sha256=whole.hexdigest()),
        inside={
            path: FileDigest(size=sizes[path], sha256=digest.hexdigest())
            for path, digest in sorted(parts.items())
        },
    )
