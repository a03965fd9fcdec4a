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
class BootFile:
    """A kernel or an initramfs in an ISO."""

    path: str  # "live/initrd.img-6.12.48+deb13-amd64"
    size: int  # bytes, as it lies there
    sha256: str  # of an initramfs without the medium's id, which is another one in every ISO


@dataclass(frozen=True, slots=True, kw_only=True)
class IsoListed:
    """The numbers of lines in the lists that the host can fetch, and what boots."""

    lines: int  # of the system
    live_lines: int | None  # of what the live layer changes; None where the ISO has none
    boots: tuple[BootFile, ...]  # sorted by path


@dataclass(frozen=True, slots=True, kw_only=True)
class IsoContents:
    """The contents of an ISO, with its size and digest as a whole."""

    size: int  # bytes
    sha256: str
    files: tuple[IsoFile, ...]
    packages: tuple[Package, ...] = ()  # installed in the live system, according to its dpkg
    unreadable: str = ""  # why its dpkg database cannot be read
