"""The requests of jobs, and the results that have no module of their own."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from builder.border.handover import Artefact
from builder.border.source import SourceKind, TreePlace
from builder.border.stored_blocks import BlockCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """A request or a result without any data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRequest:
    """Report what can be built from the source that the container sees.

    Of many snapshots, those that `wanted`, a selector, may mean are examined, and the others only
    if these cannot be built.
    """

    kind: SourceKind
    wanted: str = ""  # "": all


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeRequest:
    """Make the read-only snapshot `name` of `path`, both relative to the base at /cache."""

    path: str
    name: str
    uuid: str  # of the chosen subvolume; any other one at `path` is refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """Whether the snapshot could be made on this medium."""

    frozen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ThawRequest:
    """Remove the frozen snapshots `names` below /cache; missing ones are ignored."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenNames:
    """The frozen snapshots in a cache, of any run."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeRequest:
    """List or digest the tree at /source, as a build would read it."""

    tree: TreePlace
    exclude: tuple[str, ...] = ()  # more rsync patterns
    keep: tuple[str, ...] = ()  # of what is taken nevertheless


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The number of lines in the list that the host can fetch from the container."""

    lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What a build made, and where it is."""

    artefacts: tuple[Artefact, ...]
    delivered: bool  # it is in the host's own folder; otherwise the host has to fetch it
    block_cache: BlockCounts | None  # how useful the block cache was; None without one


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a container can do here: for each trial why it failed, or "" if it worked."""

    mount: str
    chroot: str
    loop: str
    overlay: str
    btrfs: bool  # whether the kernel supports it
    free: int  # bytes available to a build


SENT_BLOCK: Final = 4 << 20  # bytes of what is sent to an engine; the last block may be shorter

# Records in the tar of a folder (pax), besides the usual ones.
SENT_TIME: Final = "DISTROCLONE.time"  # of the last change, in nanoseconds since 1970
SENT_CAPABILITY: Final = "DISTROCLONE.capability"  # the attribute, in hexadecimal digits
SENT_SOCKET: Final = "DISTROCLONE.socket"  # the named pipe stands for a socket


class SentKind(StrEnum):
    """What a sequence of bytes that is sent to an engine is."""

    FILE = "file"
    FOLDER = "folder"  # a tar of its contents


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveRequest:
    """Put together what was sent to the volume at /sent, and say what is missing."""

    kind: SentKind
    size: int  # bytes
    blocks: tuple[str, ...]  # the sha256 of each block, in hexadecimal digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """The numbers of the blocks that are missing; none: it is whole, and verified."""

    missing: tuple[int, ...]
