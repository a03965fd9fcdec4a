"""Which file system is on a partition, by the marks that blkid goes by, too.

Sources: the on-disk formats of each, as libblkid's superblocks/*.c of util-linux 2.41 probes them.
A stick may lie; what is found here is shown to people, and decides nothing.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from builder.basics.printable import clean
from builder.host.stick.guid_table import Span

_EXT: Final = 1024  # where its superblock is
_HAS_JOURNAL: Final = 0x4  # compat
_HAS_EXTENTS: Final = 0x40  # incompat

ReadAt = Callable[[int, int], bytes]  # offset and size in bytes; shorter at the end


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSystem:
    """What was recognized."""

    kind: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """Bytes that show a file system, and where its label is."""

    kind: str
    at: int
    magic: bytes
    label: tuple[int, int, str] = (0, 0, "utf-8")  # offset, size, encoding


# Those that others may contain come last: a hybrid ISO is one, whatever its boot sector says.
_MARKS: Final = (
    _Mark(kind="iso9660", at=32769, magic=b"CD001", label=(32768 + 40, 32, "ascii")),
    _Mark(kind="LUKS", at=0, magic=b"LUKS\xba\xbe"),
    _Mark(kind="BitLocker", at=3, magic=b"-FVE-FS-"),
    _Mark(kind="LVM", at=536, magic=b"LVM2 001"),
    _Mark(kind="RAID", at=4096, magic=b"\xfc\x4e\x2b\xa9"),
    _Mark(kind="swap", at=4086, magic=b"SWAPSPACE2", label=(1024 + 28, 16, "utf-8")),
    _Mark(kind="btrfs", at=65600, magic=b"_BHRfS_M", label=(65536 + 299, 256, "utf-8")),
    _Mark(kind="xfs", at=0, magic=b"XFSB", label=(108, 12, "utf-8")),
    _Mark(kind="f2fs", at=1024, magic=b"\x10\x20\xf5\xf2", label=(1024 + 124, 128, "utf-16-le")),
    _Mark(kind="ext", at=_EXT + 56, magic=b"\x53\xef", label=(_EXT + 120, 16, "utf-8")),
    _Mark(kind="apfs", at=32, magic=b"NXSB"),
    _Mark(kind="hfsplus", at=1024, magic=b"H+"),
    _Mark(kind="squashfs", at=0, magic=b"hsqs"),
    _Mark(kind="exfat", at=3, magic=b"EXFAT   "),
    _Mark(kind="ntfs", at=3, magic=b"NTFS    "),
    _Mark(kind="vfat", at=82, magic=b"FAT32", label=(71, 11, "ascii")),
    _Mark(kind="vfat", at=54, magic=b"FAT1", label=(43, 11, "ascii")),
)


def file_system(read_at: ReadAt, span: Span) -> FileSystem | None:
    """Return the file system that begins where `span` does; None for none that is known."""
    for mark in _MARKS:
        if mark.at + len(mark.magic) > span.size:
            continue
        if read_at(span.start + mark.at, len(mark.magic)) == mark.magic:
            offset, size, encoding = mark.label
            raw = read_at(span.start + offset, size) if size else b""
            text = raw.decode(encoding, "replace").split("\0", 1)[0]
            kind = _which_ext(read_at, span) if mark.kind == "ext" else mark.kind
            return FileSystem(kind=kind, label=clean(text))
    return None


def _which_ext(read_at: ReadAt, span: Span) -> str:
    compat, incompat = struct.unpack("<II", read_at(span.start + _EXT + 92, 8))
    if incompat & _HAS_EXTENTS:
        return "ext4"
    return "ext3" if compat & _HAS_JOURNAL else "ext2"
