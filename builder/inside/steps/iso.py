"""Writes the ISO: one image that starts from CD and from disk, on BIOS and on UEFI.

xorriso adds the EFI system partition behind the ISO filesystem, names it in a GPT and in the El
Torito catalog, and puts GRUB's code into the MBR; then the result is read back and checked.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Final

from builder import __version__
from builder.basics.codec import from_data
from builder.basics.errors import StepError
from builder.inside.iso.iso_report import check_layout, layout_argv
from builder.inside.medium import identity as medium
from builder.inside.medium.grub_menu import shown_title
from builder.inside.system.digests import Sums, summing_file
from builder.inside.system.system import System

_MBR_CODE: Final = Path("/usr/lib/grub/i386-pc/boot_hybrid.img")
_ESP_TYPE: Final = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
_DATA_TYPE: Final = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"
_PERCENT: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]+)?)% done")
_SUMS: Final = (medium.SHA256_SUMS, medium.MD5_SUMS)
# xorriso writes the place of the boot image into the boot image itself.
_UNSUMMED: Final = frozenset({medium.BIOS_IMAGE, *_SUMS})


@dataclass(frozen=True, slots=True, kw_only=True)
class IsoStep:
    """Packs `iso_tree` and `partition` (the EFI system partition) into `target`.

    `sums` is what the boot step wrote down of the files that are large.
    """

    name: ClassVar[str] = "iso"
    needs: ClassVar[tuple[str, ...]] = ("xorriso",)

    iso_tree: Path
    partition: Path
    sums: Path
    target: Path
    pretty_name: str
    volume_id: str
    source_date_epoch: int

    def argv(self, identity: medium.MediumId) -> list[str]:
        """Return the command that writes the ISO."""
        return [
            "xorriso", "-no_rc", "-as", "mkisofs",
            "-r", "-J", "-joliet-long",
            "-iso-level", "3",  # files over 4 GiB
            "-V", self.volume_id,
            "-p", f"distroclone-builder {__version__}",
            f"--modification-date={identity.volume_date(self.source_date_epoch)}",
            "--set_all_file_dates", f"={self.source_date_epoch}",
            "--gpt_disk_guid", identity.guid,
            "-c", medium.BOOT_CATALOG,
            "-b", medium.BIOS_IMAGE,
            "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "--grub2-boot-info",
            "--grub2-mbr", os.fspath(_MBR_CODE),
            "--mbr-force-bootable",  # some BIOSes start no disk without an active partition
            "-partition_offset", "16",  # partition 1 is then a filesystem that can be mounted
            "-iso_mbr_part_type", _DATA_TYPE,
            "-append_partition", "2", _ESP_TYPE, os.fspath(self.partition),
            "-appended_part_as_gpt",
            "-eltorito-alt-boot",
            "-e", "--interval:appended_partition_2:all::",
            "-no-emul-boot",
            "-o", os.fspath(self.target),
            os.fspath(self.iso_tree),
        ]  # fmt: skip

    def run(self, system: System) -> None:
        """Write and check the ISO. Raises StepError, or VerificationError for a wrong result."""
        identity = medium.read_medium_id(self.iso_tree)
        self._write_info()
        write_sums(self.iso_tree, known=read_known(self.sums))
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self.target.unlink(missing_ok=True)
        try:
            system.run(self.argv(identity), progress=iso_progress)
        except StepError as error:
            if any("exceeds free space on media" in line for line in error.output):
                raise _no_room(error) from error
            raise
        check_layout(system.run(layout_argv(self.target)))

    def _write_info(self) -> None:
        date = datetime.fromtimestamp(self.source_date_epoch, UTC)
        text = f"{shown_title(self.pretty_name)} live - distroclone-builder {date:%Y%m%d-%H:%M}\n"
        (self.iso_tree / medium.INFO).write_text(text, encoding="utf-8")


def iso_progress(line: str) -> float | None:
    """Read a line that xorriso prints while it writes: "xorriso : UPDATE :  12.34% done"."""
    found = _PERCENT.search(line)
    return min(float(found[1]) / 100, 1.0) if found and "UPDATE" in line else None


def read_known(path: Path) -> dict[str, Sums]:
    """Return the digests that the boot step wrote down, by path on the medium."""
    data = json.loads(path.read_text(encoding="utf-8"))
    return {name: from_data(Sums, sums) for name, sums in data.items()}


def write_sums(iso_tree: Path, *, known: Mapping[str, Sums]) -> None:
    """Write the checksum files that live-boot's `verify-checksums` reads at the medium's root.

    It takes the first digest for which the initramfs has a tool; the only tool that live-boot
    itself puts there is md5sum. Files that are `known` are not read again.
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


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _no_room(error: StepError) -> StepError:
    return StepError(
        "The ISO does not fit on the disk",
        hint="Free space where the engine keeps its volumes (see `distroclone-builder doctor`).",
        command=error.command,
        output=error.output,
    )
