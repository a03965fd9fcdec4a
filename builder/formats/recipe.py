"""The resolved configuration that a build follows; a manifest calls it the recipe."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Codec(StrEnum):
    """The available squashfs compressors."""

    ZSTD = "zstd"
    XZ = "xz"
    LZ4 = "lz4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compression:
    """How the squashfs is compressed."""

    name: str  # the preset's name, or the explicit text
    codec: Codec
    level: int | None  # zstd: 1 to 22; the others have none
    block_size: int  # bytes, a power of two from 4 KiB to 1 MiB
    filters: tuple[str, ...] = ()  # xz branch filters, e.g. ("x86",)
    grouped: bool = True  # small files share blocks by group (docs/block-cache.md), else in order


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """What is set up for the live system alone; None keeps the system's own setting."""

    user: str = "user"
    full_name: str = "Live user"
    groups: tuple[str, ...] = (
        "audio", "cdrom", "dip", "floppy", "video", "plugdev", "netdev", "powerdev", "scanner",
        "bluetooth", "sudo", "dialout",
    )  # fmt: skip
    hostname: str = "live"
    locale: str | None = None  # e.g. "de_DE.UTF-8"
    keyboard: str | None = None  # XKB layout, e.g. "de"
    timezone: str | None = None  # e.g. "Europe/Rome"
    remote_login: bool = False  # whether the password is accepted over the network
    password_hash: str | None = None  # as crypt(5) writes it; None: of "live"
    authorized_keys: tuple[str, ...] = ()  # public ssh keys, without comments


class BootEntry(StrEnum):
    """An entry of the boot menu."""

    LIVE = "live"
    SAFE = "safe"  # without the drivers of graphics cards
    TORAM = "toram"  # copies the medium into memory first
    PERSISTENCE = "persistence"  # keeps what is changed on a partition for that
    CHECK = "check"  # compares the medium with its checksums
    MEMTEST = "memtest"  # tests the memory of the machine
    FIRMWARE = "firmware"  # the firmware's own settings, on UEFI


# Those that start the live system.
STARTING: Final = (BootEntry.LIVE, BootEntry.SAFE, BootEntry.TORAM, BootEntry.PERSISTENCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class BootSettings:
    """The boot menu."""

    entries: tuple[BootEntry, ...] = tuple(BootEntry)  # in this order; the first is the default

    kernel_parameters: tuple[str, ...] = ("quiet",)
    serial_console: str | None = None  # e.g. "ttyS0,115200"
    timeout_seconds: int = 5


class Installer(StrEnum):
    """What on the medium copies the system to a disk."""

    NONE = "none"
    TEXT = "text"  # on the console, with questions or with an answer file


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The resolved configuration: every setting that determines bytes."""

    compression: Compression
    live: LiveSettings = LiveSettings()
    boot: BootSettings = BootSettings()
    installer: Installer = Installer.NONE
    exclude: tuple[str, ...] = ()  # more rsync patterns, anchored at the root of the tree
    keep: tuple[str, ...] = ()  # what is taken although it is data, as such patterns
    name: str | None = None  # of the ISO, without ".iso"; None: <Distro>-<version>-<desktop>
    volume_id: str | None = None  # ISO 9660 volume id; None: derived from the name


# What the user wrote for the build alone: no published file has it (docs/manifest.md). Fields by
# their dotted names; each is a text or a tuple of texts, and has a default.
PRIVATE_SETTINGS: Final = ("exclude", "keep", "live.authorized_keys", "live.password_hash")
