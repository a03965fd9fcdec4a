"""What the host asks of the smaller jobs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRequest:
    """Look at the cache below /cache (or inside the image at /cache.img) and report."""

    image: bool


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
