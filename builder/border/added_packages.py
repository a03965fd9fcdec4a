"""What jobs ask and answer to find and fetch the packages that a build adds."""

from dataclasses import dataclass

from builder.formats.added_packages import AddedPackage, PackagesLock


@dataclass(frozen=True, slots=True, kw_only=True)
class AptSource:
    """An archive that a system gets packages from: a row of sources.list(5)."""

    uri: str
    suite: str
    components: tuple[str, ...]  # none for a suite that ends in "/"
    architectures: tuple[str, ...]  # none: those of the system
    signed_by: tuple[str, ...]  # names of keys; none: those that are trusted for every archive


@dataclass(frozen=True, slots=True, kw_only=True)
class AptFile:
    """A file of a system that apt reads."""

    name: str  # without folders
    content: str  # base64


@dataclass(frozen=True, slots=True, kw_only=True)
class AptData:
    """What apt has to know of a system: data alone, and none of its settings, which are code."""

    architecture: str
    foreign: tuple[str, ...]  # other architectures that the system takes packages of
    status: str  # dpkg's status file: base64 of zlib
    extended_states: str  # base64
    sources: tuple[AptSource, ...]
    left_out: tuple[str, ...]  # rows that are no use, with the reason; for people
    keys: tuple[AptFile, ...]  # the names are those of `signed_by`
    trusted: tuple[AptFile, ...]
    preferences: tuple[AptFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveRequest:
    """Find what `wishes` need on the system of `data`, when no more may go than `removes`."""

    data: AptData
    wishes: tuple[str, ...]
    removes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """The packages that are to be added."""

    lock: PackagesLock


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRequest:
    """Have the files of all these packages in the store."""

    packages: tuple[AddedPackage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """How many files were there, and how many came from an archive."""

    kept: int
    fetched: int
