"""The id that distinguishes a medium from all others, and the layout of the medium.

The id is a digest of what the medium boots, so two different ISOs in one machine never mix: GRUB
looks for the file with the id in its name, and live-boot compares the file that contains the id
with the one in its initramfs (`matches_uuid`, live-boot 20250815).
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from builder.basics.codec import to_data
from builder.formats.private_settings import public_data
from builder.formats.recipe import Recipe
from builder.inside.system.digests import FileDigest

SQUASHFS: Final = "live/filesystem.squashfs"
LIVE_SQUASHFS: Final = "live/live.squashfs"  # above the other
INSTALLER: Final = "live/installer.squashfs"  # a root of its own, above none
IMAGES: Final = (SQUASHFS, LIVE_SQUASHFS)  # from the bottom up
# live-boot stacks the images that it lists, the later above the earlier, and no others that may lie
# on a stick beside them (9990-overlay.sh, live-boot 20250815).
LAYERS: Final = "live/filesystem.module"
PACKAGES: Final = "live/filesystem.packages"
GRUB_CONFIG: Final = "boot/grub/grub.cfg"
LOOPBACK_CONFIG: Final = "boot/grub/loopback.cfg"
MEMTEST_BIOS: Final = "boot/memtest86+x64.bin"
MEMTEST_UEFI: Final = "boot/memtest86+x64.efi"
MEMTEST_UEFI32: Final = "boot/memtest86+ia32.efi"
GRUB_FONT: Final = "boot/grub/fonts/unicode.pf2"
BIOS_IMAGE: Final = "boot/grub/eltorito.img"
BOOT_CATALOG: Final = "boot/grub/boot.cat"
UEFI_LOADER: Final = "EFI/BOOT/BOOTX64.EFI"  # what firmware starts; with Secure Boot, shim
UEFI32_LOADER: Final = "EFI/BOOT/BOOTIA32.EFI"  # what 32-bit firmware starts
INFO: Final = ".disk/info"
LIVE_UUID: Final = ".disk/live-uuid"
LIVE_UUID_IN_INITRD: Final = "conf/uuid.conf"
SHA256_SUMS: Final = "sha256sum.txt"
MD5_SUMS: Final = "md5sum.txt"
ESP_NAME: Final = "EFI system partition"  # its name in manifests and in `verify`


@dataclass(frozen=True, slots=True, kw_only=True)
class MediumId:
    """The id of one medium: 32 hex digits."""

    text: str

    @property
    def path(self) -> str:
        """The file on the medium that GRUB looks for."""
        return f".disk/distroclone-builder-{self.text}"

    @property
    def guid(self) -> str:
        """The GUID of its partition table."""
        return str(uuid.UUID(hex=self.text, version=5))

    @property
    def fat_serial(self) -> str:
        """The serial number of its EFI system partition, eight hex digits."""
        return self.text[:8]

    def volume_date(self, epoch: int) -> str:
        """Return the volume date, by which a running system identifies it: YYYYMMDDhhmmsscc, UTC.

        The day is that of `epoch`; the time of day is derived from the id. This date is the
        volume's UUID, and live-boot tries only one volume per UUID: with the real date, two ISOs
        of one snapshot could hide each other.
        """
        number = int(self.text, 16)
        time = f"{number % 24:02}{number // 24 % 60:02}{number // 1440 % 60:02}"
        return f"{datetime.fromtimestamp(epoch, UTC):%Y%m%d}{time}{number // 86400 % 100:02}"


def medium_id(*, parts: Mapping[str, FileDigest], recipe: Recipe) -> MediumId:
    """Derive the id from what the medium boots (by path on the medium) and the recipe.

    Private settings are left out: whoever has the medium could try out guesses against its id.
    """
    content = {"parts": to_data(parts), "recipe": public_data(recipe)}
    text = json.dumps(content, sort_keys=True, ensure_ascii=True)
    return MediumId(text=hashlib.sha256(text.encode()).hexdigest()[:32])


def read_medium_id(iso_tree: Path) -> MediumId:
    """Return the id in `iso_tree`."""
    return MediumId(text=(iso_tree / LIVE_UUID).read_text(encoding="ascii").strip())


def write_medium_id(iso_tree: Path, identity: MediumId) -> None:
    """Write the id where GRUB and live-boot look for it."""
    for name in (identity.path, LIVE_UUID):
        target = iso_tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(f"{identity.text}\n", encoding="ascii")


def kernel_path(version: str) -> str:
    """Return the path of the kernel `version` on the medium."""
    return f"live/vmlinuz-{version}"


def initrd_path(version: str) -> str:
    """Return the path of the initramfs of kernel `version` on the medium."""
    return f"live/initrd.img-{version}"
