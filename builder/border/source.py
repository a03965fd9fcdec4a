"""What a build reads from, in the terms of host and container."""

from dataclasses import dataclass
from enum import StrEnum


class SourceKind(StrEnum):
    """The kinds of source, named as in build.yaml."""

    CACHE = "cache"  # a folder with .rootfs_cache and its snapshots
    CACHE_IMAGE = "cache_image"  # a file that holds a btrfs volume with such a folder
    TREE = "tree"  # a root filesystem, as a folder


@dataclass(frozen=True, slots=True, kw_only=True)
class TreePlace:
    """Where a container finds the chosen tree, and whether the tree can change during the job."""

    kind: SourceKind
    subvolume: str  # of a cache image: the tree's absolute path in the volume
    frozen: bool  # a read-only snapshot; otherwise it is checked for changes
