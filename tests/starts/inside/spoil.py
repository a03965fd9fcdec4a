"""Runs inside the boot test's container: makes copies of an ISO that must be refused.

python3 -m tests.starts.inside.spoil unsigned-kernel|changed-kernel|unsigned-grub|damaged ISO COPY
"""

import shutil
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final

from builder.inside.boot_test.serial_console import BAD_KERNEL
from builder.inside.boot_test.spoiled import CONTROLS, Control, spoiled
from builder.inside.iso.iso_report import Extent
from builder.inside.iso.read_iso import files_of
from builder.inside.medium import identity as medium
from builder.inside.system.real_system import RealSystem
from builder.inside.system.system import System

RESULTS: Final = Path("/results")
_DAMAGED: Final = "damaged"
_PE: Final = 0x3C  # where the place of the PE header is
_SIGNATURES: Final = 24 + 112 + 4 * 8  # in it: of the signatures, their place and size (PE32+)


def _unsign_kernels(iso: BinaryIO, files: Sequence[Extent], _partition: Extent) -> None:
    for each in files:
        if each.path.startswith(medium.kernel_path("")):
            iso.seek(each.start + _PE)
            (header,) = struct.unpack("<I", iso.read(4))
            iso.seek(each.start + header + _SIGNATURES)
            iso.write(bytes(8))


def _damage(iso: Path, copy: Path, *, system: System) -> None:
    """Copy an ISO and change one byte in its system; the copies of a `Control` have none of it."""
    (image,) = (each for each in files_of(iso, system=system) if each.path == medium.SQUASHFS)
    shutil.copyfile(iso, copy)
    with copy.open("r+b") as stream:
        place = image.start + image.size // 2
        stream.seek(place)
        (byte,) = stream.read(1)
        stream.seek(place)
        stream.write(bytes([byte ^ 0xFF]))


_CHANGED_KERNEL, _UNSIGNED_GRUB = CONTROLS
_KINDS: Final = {
    "unsigned-kernel": Control(
        what="a kernel without a signature", signs=BAD_KERNEL, spoil=_unsign_kernels
    ),
    "changed-kernel": _CHANGED_KERNEL,
    "unsigned-grub": _UNSIGNED_GRUB,
}


def main(kind: str, iso: str, copy: str) -> None:
    """Make a copy."""
    system = RealSystem(lambda _event: None, source_date_epoch=0)
    if kind == _DAMAGED:
        _damage(RESULTS / iso, RESULTS / copy, system=system)
        return
    with spoiled(RESULTS / iso, _KINDS[kind], system=system) as made:
        shutil.copyfile(made, RESULTS / copy)


if __name__ == "__main__":
    main(*sys.argv[1:])
