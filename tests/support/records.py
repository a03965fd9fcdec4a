"""Records of a tree, as the digest of one is made of them."""

import os

from builder.formats.tree_record import Record


def record(
    path: str,
    *,
    kind: str = "f",
    mode: str = "0644",
    mtime: str = "1750000000",
    size: str = "",
    value: str = "",
    first: str = "",
) -> Record:
    """Return a record of root's."""
    texts = (path, kind, mode, "0", "0", mtime, size, value, "", first)
    return Record(*(os.fsencode(each) for each in texts))
