"""The checksum files on the medium, for live-boot's own check and for sha256sum and md5sum."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from builder.basics.codec import from_data
from builder.inside.medium import identity as medium
from builder.inside.system.digests import Sums, summing_file

# xorriso patches the position of the boot image into the boot image itself.
_NAMES: Final = (medium.SHA256_SUMS, medium.MD5_SUMS)
_UNSUMMED: Final = frozenset({medium.BIOS_IMAGE, *_NAMES})


def read_known(path: Path) -> dict[str, Sums]:
    """Return the digests that the boot step recorded, by path on the medium."""
    data = json.loads(path.read_text(encoding="utf-8"))
    return {name: from_data(Sums, sums) for name, sums in data.items()}


def write_sums(iso_tree: Path, *, known: Mapping[str, Sums]) -> None:
    """Write the checksum files that live-boot's `verify-checksums` reads at the medium's root.

    It uses the first digest for which the initramfs has a tool; the only tool that live-boot
    itself puts there is md5sum. Files in `known` are not read again.
    """
    names = sorted(
        name
        for name in (path.relative_to(iso_tree).as_posix() for path in _files(iso_tree))
        if name not in _UNSUMMED
    )
    sums = {name: known.get(name) or summing_file(iso_tree / name).sums for name in names}
    sha256 = [f"{sums[name].sha256}  ./{name}\n" for name in names]
    md5 = [f"{sums[name].md5}  ./{name}\n" for name in names]
    (iso_tree / medium.SHA256_SUMS).write_text("".join(sha256), encoding="utf-8")
    (iso_tree / medium.MD5_SUMS).write_text("".join(md5), encoding="utf-8")


def read_sums(iso_tree: Path) -> dict[str, str]:
    """Return the SHA-256 digests that `write_sums` wrote, by path on the medium."""
    lines = (iso_tree / medium.SHA256_SUMS).read_text(encoding="utf-8").splitlines()
    pairs = (line.split("  ./", 1) for line in lines)
    return {name: digest for digest, name in pairs}


def _files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]
