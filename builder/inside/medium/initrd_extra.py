"""Appends a file to an existing initramfs without unpacking it.

The kernel reads several concatenated cpio archives, compressed or not
(Documentation/driver-api/early-userspace/buffer-format.rst); a later file wins.
"""

from collections.abc import Iterable, Mapping
from typing import Final

_MAGIC: Final = "070701"  # "newc", Documentation/driver-api/early-userspace/buffer-format.rst
_DIRECTORY: Final = 0o040755
_FILE: Final = 0o100644
_ALIGNMENT: Final = 4


def newc_archive(files: Mapping[str, bytes], *, mtime: int) -> bytes:
    """Return a cpio archive of `files` ("conf/uuid.conf") and their parents, owned by root."""
    directories = sorted({directory for name in files for directory in _parents(name)})
    entries = [(name, _DIRECTORY, b"") for name in directories]
    entries += [(name, _FILE, data) for name, data in sorted(files.items())]
    members = [
        _member(name, data, mode=mode, mtime=mtime, inode=inode)
        for inode, (name, mode, data) in enumerate(entries, start=1)
    ]
    return b"".join([*members, _member("TRAILER!!!", b"", mode=0, mtime=0, inode=0)])


def gap_after(size: int) -> bytes:
    """Return the padding between an initramfs of `size` bytes and an archive after it.

    An archive must start at a multiple of four. There are at least four zeros, because they mark
    the end of the data for the kernel's lz4 unpacker (lib/decompress_unlz4.c).
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
