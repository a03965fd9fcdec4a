"""The frozen values that cross between host and container.

The host plans, the container acts: a `BuildPlan` names everything that decides a byte of the ISO
(snapshot, recipe, image, time), and the same plan gives the same bytes on any host.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from builder.formats.package import Package

PLAN_FORMAT: Final = 1


class Isolation(StrEnum):
    """How much the build container may do; it never decides a byte of the result."""

    CONFINED = "confined"
    PRIVILEGED = "privileged"


class Staging(StrEnum):
    """How the build gets a tree that it may change; it never decides a byte of the result."""

    AUTO = "auto"  # an overlay where there can be one, else a copy
    OVERLAY = "overlay"
    RSYNC = "rsync"


class Codec(StrEnum):
    """Squashfs compressors on offer."""

    ZSTD = "zstd"
    XZ = "xz"
    LZ4 = "lz4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compression:
    """How the squashfs is compressed; see `builder.compression` for its text form."""

    name: str  # the preset's name, or the explicit text
    codec: Codec
    level: int | None  # zstd: 1 to 22; the others have none
    block_size: int  # bytes, a power of two from 4 KiB to 1 MiB
    filters: tuple[str, ...] = ()  # xz branch filters, e.g. ("x86",)
    grouped: bool = True  # small files share blocks by group (docs/block-cache.md), else in a row


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """What live-config sets up at boot; None leaves what the system itself says."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class BootSettings:
    """The boot menu."""

    kernel_parameters: tuple[str, ...] = ("quiet",)
    serial_console: str | None = None  # e.g. "ttyS0,115200"
    timeout_seconds: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The resolved configuration: every wish of the user that decides bytes."""

    compression: Compression
    live: LiveSettings = LiveSettings()
    boot: BootSettings = BootSettings()
    exclude: tuple[str, ...] = ()  # more rsync patterns, anchored at the root of the tree
    name: str | None = None  # of the ISO, without ".iso"; None: <Distro>-<version>-<desktop>
    volume_id: str | None = None  # ISO 9660 volume id; None: derived from the name


class SnapshotKind(StrEnum):
    """Where a tree that can be built comes from."""

    SNAPPER = "snapper"
    RAW = "raw"  # @YYYY-MM-DD_HH:MM
    CACHE = "cache"  # the cache itself, as it is now


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One reason why a tree cannot be built; templates and the values that fill them."""

    message: str
    hint: str = ""
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemFacts:
    """What a tree says about itself (never what its backup's metadata say)."""

    distro_id: str  # os-release ID, e.g. "debian"
    distro_name: str  # os-release NAME, e.g. "Debian GNU/Linux"
    pretty_name: str
    version: str  # os-release VERSION_ID; "unknown" when there is none
    architecture: str  # Debian's name, e.g. "amd64"; "" when unknown
    desktop: str  # e.g. "xfce"; "console" without a desktop
    kernels: tuple[str, ...]  # versions with both vmlinuz and modules, newest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One tree in the cache. It can be built exactly when it has no problems."""

    selector: str  # "cache", "3", "@2026-06-17_14:30"
    kind: SnapshotKind
    path: str  # posix, relative to the cache base
    taken: int  # seconds since 1970, UTC
    description: str
    size: str  # as the backup's metadata say it, e.g. "8.2G"; "" when they do not
    read_only: bool  # btrfs read-only flag
    subvolume: bool
    uuid: str  # btrfs subvolume UUID; "" where there is none
    system: SystemFacts | None
    problems: tuple[Problem, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether this tree can become a live ISO."""
        return not self.problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Something in the snapshot folder that is no candidate at all, and why."""

    path: str
    reason: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheReport:
    """What the scan of a cache found, oldest snapshot first, the cache itself last."""

    base: str  # where the cache base lies inside a cache image; "." for a directory
    filesystem: str  # e.g. "btrfs", "ext2/ext3"
    date: str  # META_DATE, as written; "" when missing
    distro: str  # META_DISTRO
    size: str  # META_SIZE
    candidates: tuple[Candidate, ...]
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRequest:
    """Look at the cache below /cache (or inside the image at /cache.img) and report."""

    image: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeName:
    """What names a source tree: docs/tree-digest.md."""

    digest: str  # "sha256:" and 64 hexadecimal digits
    format: int
    files: int  # names of regular files
    bytes: int  # of their contents


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeRequest:
    """Make the read-only snapshot `name` of `path`, both relative to the base at /cache."""

    path: str
    name: str
    uuid: str  # of the subvolume that was chosen; another one there is refused


@dataclass(frozen=True, slots=True, kw_only=True)
class ThawRequest:
    """Remove the frozen snapshots `names` below /cache; one that is gone is fine."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreePlace:
    """How a container finds the chosen tree, and whether it can change meanwhile."""

    cache_image: bool  # mount `subvolume` of /cache.img at /source; else it is bound there
    subvolume: str  # absolute path in the volume of the image
    frozen: bool  # a read-only snapshot; else it is checked for change


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeInventoryRequest:
    """List or digest what the tree at /source holds, as a build would take it."""

    tree: TreePlace
    exclude: tuple[str, ...] = ()  # more rsync patterns


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageIdentity:
    """The builder image that a plan was made for."""

    id: str  # sha256:…
    locked: bool  # every tool has the version that the lock file names


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildPlan:
    """Everything the build container needs to know."""

    format: int
    run: str  # the run's id; in no artefact
    candidate: Candidate
    recipe: Recipe
    image: ImageIdentity
    source_date_epoch: int  # seconds; even, and not before 1980 (FAT)
    iso_name: str  # without ".iso"
    volume_id: str
    frozen: bool  # the source is our own read-only snapshot; else it is checked for change
    cache_image: bool  # /cache.img must be mounted inside; else /source is bound
    cache_base: str  # where the cache base lies in the cache image; "." for a directory
    staging: Staging = Staging.AUTO  # in no artefact


class Firmware(StrEnum):
    """What starts the test machine."""

    BIOS = "bios"
    UEFI = "uefi"


class Attachment(StrEnum):
    """What the ISO is to the test machine."""

    CD = "cd"
    DISK = "disk"  # a USB stick that it was written to


class Accelerator(StrEnum):
    """How QEMU runs the test machine."""

    KVM = "kvm"
    TCG = "tcg"  # in software: works everywhere, many times slower


@dataclass(frozen=True, slots=True, kw_only=True)
class BootTestRequest:
    """Boot the ISO that the container sees, and wait for the live system's own report."""

    firmware: Firmware
    attach: Attachment
    timeout_seconds: int
    memory_mib: int
    processors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BootTestResult:
    """A live system that reported itself well."""

    seconds: float  # from power-on to the report
    accelerator: Accelerator
    report: str  # the line that the live system wrote


@dataclass(frozen=True, slots=True, kw_only=True)
class IsoFile:
    """A file in an ISO, or the EFI system partition behind them."""

    path: str  # "live/filesystem.squashfs"
    size: int  # bytes
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IsoContents:
    """What was found in an ISO, and what the whole of it is."""

    size: int  # bytes
    sha256: str
    files: tuple[IsoFile, ...]
    packages: tuple[Package, ...] = ()  # installed in the live system, as its own dpkg says
    unreadable: str = ""  # why its dpkg's database cannot be read
