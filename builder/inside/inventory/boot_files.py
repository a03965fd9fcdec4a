"""The kernels and initramfs of an ISO, with digests by which two ISOs can be compared."""

import hashlib
from pathlib import Path
from typing import Final

from builder.border.iso_contents import BootFile
from builder.inside.iso.iso_report import Extent
from builder.inside.medium import identity as medium
from builder.inside.medium.initrd_extra import newc_archive
from builder.inside.system.digests import CHUNK

_KERNELS: Final = medium.kernel_path("")
_INITRAMFS: Final = medium.initrd_path("")


def is_boot_file(path: str) -> bool:
    """Whether that is the path of a kernel or an initramfs on our media."""
    return path.startswith((_KERNELS, _INITRAMFS))


def boot_file(iso: Path, extent: Extent) -> BootFile:
    """Return what lies at `extent`; an initramfs is digested without the medium's id."""
    digest, left = hashlib.sha256(), extent.size
    last = len(_id_archive()) if extent.path.startswith(_INITRAMFS) else 0
    with iso.open("rb") as stream:
        stream.seek(extent.start)
        while left > last:
            piece = stream.read(min(left - last, CHUNK))
            if not piece:
                raise EOFError
            digest.update(piece)
            left -= len(piece)
        tail = stream.read(left)
    if len(tail) < left:
        raise EOFError
    if _shape(tail) != _shape(_id_archive()):
        digest.update(tail)
    return BootFile(path=extent.path, size=extent.size, sha256=digest.hexdigest())


def _id_archive() -> bytes:
    """Return an archive like those with an id that the step `boot` adds; all have one size."""
    identity = medium.MediumId(text="0" * 32)
    return newc_archive({medium.LIVE_UUID_IN_INITRD: f"{identity.text}\n".encode()}, mtime=0)


def _shape(archive: bytes) -> bytes:
    """Return it without its hexadecimal digits, in which the ids and their dates differ."""
    return archive.translate(None, b"0123456789abcdef")
