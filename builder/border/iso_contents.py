"""What was found in an ISO."""

from dataclasses import dataclass

from builder.formats.package import Package


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
