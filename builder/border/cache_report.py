"""What the scan of a cache tells the host."""

from dataclasses import dataclass

from builder.formats.snapshot import SnapshotKind
from builder.formats.system_facts import SystemFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One reason why a tree cannot be built; templates and the values that fill them."""

    message: str
    hint: str = ""
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One tree in the cache. It can be built if and only if it was examined and has no problems."""

    selector: str  # "cache", "3", "@2026-06-17_14:30"
    kind: SnapshotKind
    path: str  # posix, relative to the cache base
    taken: int  # seconds since 1970, UTC
    description: str
    size: str  # from the backup's metadata, e.g. "8.2G"; "" when unknown
    read_only: bool  # btrfs read-only flag
    subvolume: bool
    uuid: str  # btrfs subvolume UUID; "" where there is none
    system: SystemFacts | None
    problems: tuple[Problem, ...] = ()
    examined: bool = True  # false where nobody needed to know what is in it

    @property
    def complete(self) -> bool:
        """Whether this tree is known to be one that can become a live ISO."""
        return self.examined and not self.problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """An entry of the snapshot directory that is not a candidate, and why."""

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
