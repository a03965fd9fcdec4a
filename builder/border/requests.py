"""What the host asks of the jobs, and what those answer that have no better place."""

from dataclasses import dataclass

from builder.border.handover import Artefact
from builder.border.source import SourceKind, TreePlace
from builder.border.stored_blocks import BlockCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """A request that asks for nothing more, or a result that tells nothing more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRequest:
    """Say what can be built from the source that the container sees."""

    kind: SourceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeRequest:
    """Make the read-only snapshot `name` of `path`, both relative to the base at /cache."""

    path: str
    name: str
    uuid: str  # of the subvolume that was chosen; another one there is refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """Whether this medium let us make the snapshot."""

    frozen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ThawRequest:
    """Remove the frozen snapshots `names` below /cache; one that is gone is fine."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenNames:
    """The frozen snapshots in a cache, of whatever run."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeRequest:
    """List or digest what the tree at /source holds, as a build would take it."""

    tree: TreePlace
    exclude: tuple[str, ...] = ()  # more rsync patterns


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """How many lines the list has that lies in the container for the host to fetch."""

    lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What a build made, and where it is."""

    artefacts: tuple[Artefact, ...]
    delivered: bool  # it lies in the host's own folder; else it has to be fetched
    block_cache: BlockCounts | None  # how the block cache served; None: there was none


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a container of ours may do here: for each trial why it failed, "" where it worked."""

    mount: str
    chroot: str
    loop: str
    overlay: str
    btrfs: bool  # whether the kernel knows it
    free: int  # bytes, for the work of a build
