"""The name of a snapshot, the same on every machine: no path, no btrfs UUID, no free text."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

LATEST: Final = "latest"  # the selector of the newest complete one
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


class SnapshotKind(StrEnum):
    """Where a buildable tree comes from."""

    SNAPPER = "snapper"
    RAW = "raw"  # @YYYY-MM-DD_HH:MM
    CACHE = "cache"  # the cache itself, in its current state
    TREE = "tree"  # a folder that is not a cache


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotName:
    """The snapshot that an ISO was made from, as its manifest names it."""

    selector: str  # "cache", "3", "@2026-06-17_14:30"
    kind: SnapshotKind
    number: int | None  # of a snapper snapshot
    taken: str  # UTC, "2026-06-17T14:29:21Z"

    @property
    def seconds(self) -> int:
        """When it was taken, in seconds since 1970. Raises ValueError for an invalid date."""
        return int(datetime.strptime(self.taken, _TIME).replace(tzinfo=UTC).timestamp())


def snapshot_name(selector: str, *, kind: SnapshotKind, taken: int) -> SnapshotName:
    """Return the name of a snapshot; `taken` is seconds since 1970."""
    numbered = kind is SnapshotKind.SNAPPER and selector.isdecimal()
    return SnapshotName(
        selector=selector,
        kind=kind,
        number=int(selector) if numbered else None,
        taken=f"{datetime.fromtimestamp(taken, UTC):{_TIME}}",
    )
