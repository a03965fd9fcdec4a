"""Copies of a medium that Secure Boot must refuse: the proof that the firmware enforced it.

What no loader reads before it refuses, the live system's images, is left out: a hole in a file that
takes no space.
"""

import contextlib
import os
import struct
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from builder.basics.errors import VerificationError
from builder.inside.boot_test.serial_console import BAD_KERNEL, BAD_LOADER, Sign
from builder.inside.iso.iso_report import Extent
from builder.inside.iso.read_iso import files_of, partition_of
from builder.inside.medium import identity as medium
from builder.inside.system.digests import CHUNK
from builder.inside.system.system import System

_KERNELS: Final = medium.kernel_path("")
_GRUB: Final = "EFI/BOOT/grubx64.efi"
_LARGEST_LOADER: Final = 16 << 20
_PE: Final = 0x3C  # where the place of the PE header is
_SIGNATURES: Final = 24 + 112 + 4 * 8  # in it: of the signatures, their place and size (PE32+)


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One way to spoil a medium, and what must be said of it: one of `signs`."""

    what: str
    signs: tuple[Sign, ...]
    spoil: Callable[[BinaryIO, Sequence[Extent], Extent], None]


@contextlib.contextmanager
def spoiled(iso: Path, control: Control, *, system: System) -> Iterator[Path]:
    """Provide the spoiled copy of `iso` while the body runs.

    Raises VerificationError for an ISO that lacks what is to be spoiled.
    """
    files, partition = files_of(iso, system=system), partition_of(iso, system=system)
    with tempfile.TemporaryDirectory() as directory:
        target = Path(directory) / "spoiled.iso"
        with iso.open("rb") as source, target.open("w+b") as copy:
            _copy(source, copy, [each for each in files if each.path in medium.IMAGES])
            control.spoil(copy, files, partition)
        yield target


def _copy(source: BinaryIO, copy: BinaryIO, holes: Sequence[Extent]) -> None:
    size = os.fstat(source.fileno()).st_size
    copy.truncate(size)
    at = 0
    for hole in sorted(holes, key=lambda each: each.start):
        _copy_range(source, copy, at, hole.start)
        at = hole.start + hole.size
    _copy_range(source, copy, at, size)


def _copy_range(source: BinaryIO, copy: BinaryIO, start: int, end: int) -> None:
    source.seek(start)
    copy.seek(start)
    while start < end and (piece := source.read(min(CHUNK, end - start))):
        copy.write(piece)
        start += len(piece)


def _change_kernels(iso: BinaryIO, files: Sequence[Extent], _partition: Extent) -> None:
    """Change one byte of each kernel, in its middle."""
    kernels = [each for each in files if each.path.startswith(_KERNELS)]
    if not kernels:
        raise _lacks(_KERNELS)
    for each in kernels:
        at = each.start + each.size // 2
        iso.seek(at)
        (byte,) = iso.read(1)
        iso.seek(at)
        iso.write(bytes([byte ^ 1]))


def _unsign_loader(iso: BinaryIO, files: Sequence[Extent], partition: Extent) -> None:
    """Take the signature from the GRUB in the EFI system partition, which has it in one piece."""
    listed = next((each for each in files if each.path == _GRUB), None)
    if listed is None:
        raise _lacks(_GRUB)
    iso.seek(listed.start)
    grub = iso.read(min(listed.size, _LARGEST_LOADER))
    iso.seek(partition.start)
    at = iso.read(partition.size).find(grub)
    if at < 0 or len(grub) < _PE + 4:
        raise _lacks(_GRUB)
    (header,) = struct.unpack_from("<I", grub, _PE)
    iso.seek(partition.start + at + header + _SIGNATURES)
    iso.write(bytes(8))


def _lacks(path: str) -> VerificationError:
    return VerificationError("The ISO lacks {missing}", missing=path)


CONTROLS: Final = (
    Control(what="a changed kernel", signs=BAD_KERNEL, spoil=_change_kernels),
    Control(what="a GRUB without a signature", signs=(BAD_LOADER,), spoil=_unsign_loader),
)
