"""The superblock of a squashfs, field by field.

Layout and flags: Linux, fs/squashfs/squashfs_fs.h (version 4.0).
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from builder.border.differences import Difference

SIZE: Final = 96  # bytes
_FIELDS: Final = struct.Struct("<4sIIIIHHHHHHQQQQQQQQ")
_MAGIC: Final = b"hsqs"
_CODECS: Final = {1: "gzip", 2: "lzma", 3: "lzo", 4: "xz", 5: "lz4", 6: "zstd"}
_FLAGS: Final = {
    0x0001: "uncompressed inodes", 0x0002: "uncompressed data", 0x0008: "uncompressed fragments",
    0x0010: "no fragments", 0x0020: "always fragments", 0x0040: "duplicates found",
    0x0080: "export table", 0x0100: "uncompressed attributes", 0x0200: "no attributes",
    0x0400: "compressor options", 0x0800: "uncompressed ids",
}  # fmt: skip


# Choices of the builder; the other fields follow from them and from the tree.
_CHOSEN: Final = ("version", "time", "compressor", "block size", "flags")


@dataclass(frozen=True, slots=True, kw_only=True)
class Superblock:
    """The fields of a superblock."""

    fields: Mapping[str, str]  # in their order on disk

    def differences(self, rebuilt: "Superblock", *, only_chosen: bool) -> list[Difference]:
        """Return the fields that differ."""
        names = _CHOSEN if only_chosen else tuple(self.fields)
        return [
            Difference(
                place=("superblock",),
                attribute=name,
                original=self.fields[name],
                rebuilt=rebuilt.fields[name],
            )
            for name in names
            if self.fields[name] != rebuilt.fields[name]
        ]


def read_superblock(content: bytes) -> Superblock | None:
    """Return the superblock at the beginning of `content`; None when there is none."""
    if len(content) < SIZE or not content.startswith(_MAGIC):
        return None
    (
        _magic, inodes, time, block_size, fragments, codec, _log, flags, ids, major, minor,
        root, used, *tables,
    ) = _FIELDS.unpack_from(content)  # fmt: skip
    return Superblock(
        fields={
            "version": f"{major}.{minor}",
            "time": str(time),
            "compressor": _CODECS.get(codec, str(codec)),
            "block size": str(block_size),
            "flags": ", ".join(name for bit, name in _FLAGS.items() if flags & bit) or "none",
            "inodes": str(inodes),
            "fragments": str(fragments),
            "owners and groups": str(ids),
            "bytes used": str(used),
            "root inode": str(root),
            "tables": " ".join(str(table) for table in tables),
        }
    )
