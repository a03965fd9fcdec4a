"""Writes the ISO: one image that boots from CD and from disk, on BIOS and on UEFI.

xorriso appends the EFI system partition to the ISO filesystem, lists it in a GPT and in the El
Torito catalog, and puts GRUB's code into the MBR; then the result is read back and checked.
"""

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Final

from builder import __version__
from builder.basics.errors import StepError
from builder.basics.sizes import readable_size
from builder.border.step_names import StepName
from builder.inside.iso.iso_report import check_layout, layout_argv
from builder.inside.medium import identity as medium
from builder.inside.medium.grub_menu import shown_title
from builder.inside.medium.sums import read_known, write_sums
from builder.inside.system.system import Sight, System

_MBR_CODE: Final = Path("/usr/lib/grub/i386-pc/boot_hybrid.img")
_ESP_TYPE: Final = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
_DATA_TYPE: Final = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"
_LARGEST_ON_FAT: Final = (4 << 30) - 1  # bytes of a file
_PERCENT: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]+)?)% done")


@dataclass(frozen=True, slots=True, kw_only=True)
class IsoStep:
    """Packs `iso_tree` and `partition` (the EFI system partition) into `target`.

    `sums` has the digests of large files that the boot step recorded.
    """

    name: ClassVar[StepName] = StepName.ISO
    needs: ClassVar[tuple[str, ...]] = ("xorriso",)
    neutral: ClassVar[tuple[str, ...]] = ()

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
            "--mbr-force-bootable",  # some BIOSes do not boot disks without an active partition
            "-partition_offset", "16",  # makes partition 1 a mountable filesystem
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
        self._say_what_fat_cannot_hold(system)
        write_sums(self.iso_tree, known=read_known(self.sums))
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self.target.unlink(missing_ok=True)
        try:
            sight = Sight(reads=(self.iso_tree, self.partition), writes=(self.target.parent,))
            system.run(self.argv(identity), sight=sight, progress=iso_progress)
        except StepError as error:
            if any("exceeds free space on media" in line for line in error.output):
                raise _no_room(error) from error
            raise
        check_layout(system.run(layout_argv(self.target), sight=Sight(reads=(self.target,))))

    def _say_what_fat_cannot_hold(self, system: System) -> None:
        for name in medium.IMAGES:
            size = (self.iso_tree / name).stat().st_size
            if size > _LARGEST_ON_FAT:
                system.note(
                    "{path} has {size}, and no FAT32 holds a file of 4 GiB or more. Write the ISO "
                    "to sticks as an image, not by copying its files",
                    path=name,
                    size=readable_size(size),
                )

    def _write_info(self) -> None:
        date = datetime.fromtimestamp(self.source_date_epoch, UTC)
        text = f"{shown_title(self.pretty_name)} live - distroclone-builder {date:%Y%m%d-%H:%M}\n"
        (self.iso_tree / medium.INFO).write_text(text, encoding="utf-8")


def iso_progress(line: str) -> float | None:
    """Parse a line that xorriso prints while it writes: "xorriso : UPDATE :  12.34% done"."""
    found = _PERCENT.search(line)
    return min(float(found[1]) / 100, 1.0) if found and "UPDATE" in line else None


def _no_room(error: StepError) -> StepError:
    return StepError(
        "The ISO does not fit on the disk",
        hint="Free space where the engine keeps its volumes; "
        "`distroclone-builder doctor` shows where.",
        command=error.command,
        output=error.output,
    )
