"""What a build reads from, as host and container name it."""

from dataclasses import dataclass
from enum import StrEnum


class SourceKind(StrEnum):
    """In what form a system is handed over; the words are those of build.yaml."""

    CACHE = "cache"  # a folder with .rootfs_cache and its snapshots
    CACHE_IMAGE = "cache_image"  # a file that holds a btrfs volume with such a folder
    TREE = "tree"  # a root filesystem, as a folder


@dataclass(frozen=True, slots=True, kw_only=True)
class TreePlace:
    """How a container finds the chosen tree, and whether it can change meanwhile."""

    kind: SourceKind
    subvolume: str  # of a cache image: the tree's absolute path in the volume
    frozen: bool  # a read-only snapshot; else it is checked for change
