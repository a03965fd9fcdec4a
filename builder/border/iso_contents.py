"""The contents of an ISO."""

from dataclasses import dataclass

from builder.formats.package import Package


@dataclass(frozen=True, slots=True, kw_only=True)
class IsoFile:
    """A file in an ISO, or the EFI system partition after them."""

    path: str  # "live/filesystem.squashfs"
    size: int  # bytes
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IsoContents:
    """The contents of an ISO, with its size and digest as a whole."""

    size: int  # bytes
    sha256: str
    files: tuple[IsoFile, ...]
    packages: tuple[Package, ...] = ()  # installed in the live system, according to its dpkg
    unreadable: str = ""  # why its dpkg database cannot be read
