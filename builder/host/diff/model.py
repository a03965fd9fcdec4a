"""The difference between two systems, as frozen values. All sizes are bytes."""

from dataclasses import dataclass
from enum import StrEnum


class Change(StrEnum):
    """What happened to something between before and after."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Kind(StrEnum):
    """What was compared."""

    ISO = "iso"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, slots=True, kw_only=True)
class SideFacts:
    """One of the two systems."""

    name: str  # "Debian-13-xfce.iso", or a snapshot's selector
    kind: Kind
    system: str  # "Debian GNU/Linux 13 (trixie)"
    taken: str  # when the snapshot was taken, "2026-06-17 14:30 UTC"; "" when unknown
    kernels: tuple[str, ...]
    packages: int
    names: int  # of files, directories, links …
    size: int  # of all files; one with several names counts once
    iso_size: int | None = None
    iso_sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageChange:
    """A package that is not the same on both sides; "" and 0 where it is missing."""

    name: str
    architecture: str
    before: str
    after: str
    size_before: int  # as the package says
    size_after: int

    @property
    def growth(self) -> int:
        """By how much it grew."""
        return self.size_after - self.size_before


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageChanges:
    """What happened to the packages, each list sorted by name."""

    added: tuple[PackageChange, ...]
    removed: tuple[PackageChange, ...]
    upgraded: tuple[PackageChange, ...]
    downgraded: tuple[PackageChange, ...]

    @property
    def all(self) -> tuple[PackageChange, ...]:
        """All of them."""
        return (*self.added, *self.removed, *self.upgraded, *self.downgraded)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """A path that is not the same on both sides; 0 where it is missing or no file."""

    path: str
    change: Change
    what: tuple[
        str, ...
    ]  # of a changed one: content, type, target, device, mode, owner, capability
    size_before: int
    size_after: int
    rule: str = ""  # the rule of a build that made the difference, where one did
    details: tuple[str, ...] = ()  # below /etc: lines of a unified diff, or other words for it

    @property
    def growth(self) -> int:
        """By how much it grew."""
        return self.size_after - self.size_before


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """A part of the tree whose size changed; no two of them overlap."""

    path: str
    rest: bool  # of the directory only what is in no other part
    before: int
    after: int
    turnover: int  # how much came and went, directory by directory

    @property
    def growth(self) -> int:
        """By how much it grew."""
        return self.after - self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingChange:
    """A setting, a tool or an image of the build that differs; "" where there is none."""

    name: str  # "recipe.compression.level"
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveFile:
    """A path in a live layer."""

    kind: str  # "file", "directory", …; "whiteout" where it hides what the system has there
    mode: int  # the twelve bits 0o7777
    size: int  # 0 for anything but a file


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveFileChange:
    """A path that is not the same in both live layers; None where a layer lacks it."""

    path: str
    change: Change
    what: tuple[str, ...]  # of a changed one, as in FileChange
    before: LiveFile | None
    after: LiveFile | None
    details: tuple[str, ...] = ()  # likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class BootFileChange:
    """A kernel or an initramfs that is not the same on both sides; 0 where it is missing."""

    path: str  # "live/initrd.img-6.12.48+deb13-amd64"
    change: Change
    size_before: int
    size_after: int

    @property
    def growth(self) -> int:
        """By how much it grew."""
        return self.size_after - self.size_before


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveDifference:
    """What differs in two ISOs above the system: what only a live session gets.

    None where an ISO of an earlier version has no live layer, or does not say what its initramfs
    were made with.
    """

    files: tuple[LiveFileChange, ...] | None  # sorted by path
    stack: PackageChanges | None  # of the builder image, in each initramfs
    boot_files: tuple[BootFileChange, ...]  # kernels and initramfs, sorted by path

    @property
    def same(self) -> bool:
        """Whether nothing of it differs."""
        return not self.files and not (self.stack and self.stack.all) and not self.boot_files


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemDifference:
    """All differences between two systems."""

    before: SideFacts
    after: SideFacts
    settings: tuple[SettingChange, ...]  # only between two ISOs
    packages: PackageChanges
    growth: tuple[Growth, ...]  # the largest turnover first
    files: tuple[FileChange, ...]  # sorted by path
    live: LiveDifference | None = None  # only between two ISOs
    unnamed: int = 0  # changes and patterns of a build that explain some of these

    @property
    def config(self) -> tuple[FileChange, ...]:
        """The files below /etc that the system's owner changed, not a build."""
        return tuple(each for each in self.files if each.path.startswith("/etc/") and not each.rule)

    @property
    def by_build(self) -> int:
        """How many of the files a build changed by its rules."""
        return sum(bool(each.rule) for each in self.files)

    @property
    def same(self) -> bool:
        """Whether both hold the same files, owners and modes included, in every layer."""
        above = self.live is None or self.live.same
        return above and not self.files and not self.packages.all
