"""By what a snapshot is known on every machine: no path, no btrfs UUID."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


class SnapshotKind(StrEnum):
    """Where a tree that can be built comes from."""

    SNAPPER = "snapper"
    RAW = "raw"  # @YYYY-MM-DD_HH:MM
    CACHE = "cache"  # the cache itself, as it is now
    TREE = "tree"  # a folder that is no cache


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotName:
    """What a manifest calls the snapshot that its ISO was made from."""

    selector: str  # "cache", "3", "@2026-06-17_14:30"
    kind: SnapshotKind
    number: int | None  # of a snapper snapshot
    taken: str  # UTC, "2026-06-17T14:29:21Z"
    description: str

    @property
    def seconds(self) -> int:
        """When it was taken, in seconds since 1970. Raises ValueError for what is no date."""
        return int(datetime.strptime(self.taken, _TIME).replace(tzinfo=UTC).timestamp())


def snapshot_name(
    selector: str, *, kind: SnapshotKind, taken: int, description: str
) -> SnapshotName:
    """Return the name of a snapshot; `taken` is seconds since 1970."""
    numbered = kind is SnapshotKind.SNAPPER and selector.isdecimal()
    return SnapshotName(
        selector=selector,
        kind=kind,
        number=int(selector) if numbered else None,
        taken=f"{datetime.fromtimestamp(taken, UTC):{_TIME}}",
        description=description,
    )
