"""A file added to an initramfs that is already made, without unpacking it.

The kernel reads several cpio archives one after the other, packed or not
(Documentation/driver-api/early-userspace/buffer-format.rst); a later file wins.
"""

from collections.abc import Iterable, Mapping
from typing import Final

_MAGIC: Final = "070701"  # "newc", Documentation/driver-api/early-userspace/buffer-format.rst
_DIRECTORY: Final = 0o040755
_FILE: Final = 0o100644
_ALIGNMENT: Final = 4


def newc_archive(files: Mapping[str, bytes], *, mtime: int) -> bytes:
    """Return a cpio archive of `files` ("conf/uuid.conf"), with their folders, owned by root."""
    folders = sorted({folder for name in files for folder in _parents(name)})
    entries = [(name, _DIRECTORY, b"") for name in folders]
    entries += [(name, _FILE, data) for name, data in sorted(files.items())]
    members = [
        _member(name, data, mode=mode, mtime=mtime, inode=inode)
        for inode, (name, mode, data) in enumerate(entries, start=1)
    ]
    return b"".join([*members, _member("TRAILER!!!", b"", mode=0, mtime=0, inode=0)])


def gap_after(size: int) -> bytes:
    """Return the zeros between an initramfs of `size` bytes and an archive that follows it.

    An archive must begin at a multiple of four. The zeros are never fewer than four, because
    that is how the kernel's lz4 unpacker sees the end of its data (lib/decompress_unlz4.c).
    """
    return bytes(_ALIGNMENT + _missing(size))


def _member(name: str, data: bytes, *, mode: int, mtime: int, inode: int) -> bytes:
    label = name.encode() + b"\0"
    links = 2 if mode == _DIRECTORY else 1
    fields = (inode, mode, 0, 0, links, mtime, len(data), 0, 0, 0, 0, len(label), 0)
    header = (_MAGIC + "".join(f"{field:08x}" for field in fields)).encode() + label
    return header + bytes(_missing(len(header))) + data + bytes(_missing(len(data)))


def _parents(name: str) -> Iterable[str]:
    parts = name.split("/")[:-1]
    return ("/".join(parts[: count + 1]) for count in range(len(parts)))


def _missing(size: int) -> int:
    return -size % _ALIGNMENT
