"""The kinds of source: how each is seen by a container, frozen, and named.

A kind is a frozen value that answers everything that differs between kinds, so that no other code
has to ask which one it is. Paths are those of the engine's machine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import ClassVar, Final, Protocol, TypeVar

from builder.basics.errors import SourceError, UsageError
from builder.border import paths
from builder.border.cache_report import CacheReport, Candidate
from builder.border.jobs import SCAN, SCAN_TREE, Job, on_image
from builder.border.requests import ScanRequest
from builder.border.source import SourceKind, TreePlace
from builder.host.engine import Bind

Request = TypeVar("Request")
Result = TypeVar("Result")


class Source(Protocol):
    """What a system is built from."""

    kind: ClassVar[SourceKind]

    @property
    def path(self) -> Path:
        """The folder or file that the user named."""
        ...

    @property
    def scan(self) -> Job[ScanRequest, CacheReport]:
        """The row of the job that looks at it."""
        ...

    def bind(self) -> Bind:
        """Return how a container that scans it sees it."""
        ...

    def bind_tree(self, path: str) -> Bind:
        """Return how a container sees the tree at `path`, relative to what was scanned."""
        ...

    def freezes_in(self, candidate: Candidate) -> Path | None:
        """Return the folder in which a frozen snapshot of the tree would lie; None: nowhere."""
        ...

    def place(self, report: CacheReport, candidate: Candidate, *, frozen: bool) -> TreePlace:
        """Return how a container finds the tree in what it sees."""
        ...

    def row(self, job: Job[Request, Result]) -> Job[Request, Result]:
        """Return the row of a job that reads a tree, as this kind needs it."""
        ...

    def check(self, *, outputs: Sequence[Path]) -> None:
        """Raise UsageError where a run could not but change or swallow what it reads.

        `outputs` are the folders that it writes to, the engine's own data among them.
        """
        ...

    def missing(self) -> SourceError:
        """Return what to say where the engine's machine has no such path."""
        ...


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder, of which the engine shows a container just the tree that it shall see."""

    kind: ClassVar[SourceKind]
    path: Path

    def place(
        self,
        report: CacheReport,  # noqa: ARG002
        candidate: Candidate,  # noqa: ARG002
        *,
        frozen: bool,
    ) -> TreePlace:
        """See `Source.place`."""
        return TreePlace(kind=self.kind, subvolume="", frozen=frozen)

    def row(self, job: Job[Request, Result]) -> Job[Request, Result]:
        """See `Source.row`."""
        return job


@dataclass(frozen=True, slots=True)
class CacheFolder(_Folder):
    """A folder that holds `.rootfs_cache` and `.backup_meta`."""

    kind: ClassVar[SourceKind] = SourceKind.CACHE

    @property
    def scan(self) -> Job[ScanRequest, CacheReport]:
        """See `Source.scan`."""
        return SCAN

    def bind(self) -> Bind:
        """See `Source.bind`."""
        return Bind(source=str(self.path), target=paths.CACHE)

    def bind_tree(self, path: str) -> Bind:
        """See `Source.bind_tree`."""
        return Bind(source=str(self.path / path), target=paths.SOURCE)

    def freezes_in(self, candidate: Candidate) -> Path | None:
        """See `Source.freezes_in`: beside the cache, where the tree is a subvolume."""
        return self.path if candidate.subvolume else None

    def check(self, *, outputs: Sequence[Path]) -> None:
        """See `Source.check`: what lies in the cache beside its trees is in no tree."""

    def missing(self) -> SourceError:
        """See `Source.missing`."""
        return SourceError(
            "There is no cache at {path}",
            hint="Use --cache for the folder that holds .rootfs_cache and .backup_meta, "
            "--cache-image for a file with such a btrfs volume, or --tree for a root filesystem.",
            path=self.path,
        )


@dataclass(frozen=True, slots=True)
class CacheImage:
    """A file that holds a btrfs volume with a cache; a container mounts it, read-only."""

    kind: ClassVar[SourceKind] = SourceKind.CACHE_IMAGE
    path: Path

    @property
    def scan(self) -> Job[ScanRequest, CacheReport]:
        """See `Source.scan`."""
        return on_image(SCAN)

    def bind(self) -> Bind:
        """See `Source.bind`."""
        return Bind(source=str(self.path), target=paths.CACHE_IMAGE)

    def bind_tree(self, path: str) -> Bind:  # noqa: ARG002
        """See `Source.bind_tree`: the whole file; the tree is mounted out of it."""
        return self.bind()

    def freezes_in(self, candidate: Candidate) -> Path | None:  # noqa: ARG002
        """See `Source.freezes_in`: it is mounted read-only, and the file checked for change."""
        return None

    def place(self, report: CacheReport, candidate: Candidate, *, frozen: bool) -> TreePlace:
        """See `Source.place`."""
        subvolume = PurePosixPath("/") / report.base / candidate.path
        return TreePlace(kind=self.kind, subvolume=str(subvolume), frozen=frozen)

    def row(self, job: Job[Request, Result]) -> Job[Request, Result]:
        """See `Source.row`."""
        return on_image(job)

    def check(self, *, outputs: Sequence[Path]) -> None:
        """See `Source.check`: nothing is ever in the file."""

    def missing(self) -> SourceError:
        """See `Source.missing`."""
        return SourceError(
            "There is no cache image at {path}",
            hint="Use --cache-image for a file that holds a btrfs volume with a cache.",
            path=self.path,
        )


@dataclass(frozen=True, slots=True)
class PlainTree(_Folder):
    """A root filesystem as a folder: a chroot, a mounted disk, an unpacked backup."""

    kind: ClassVar[SourceKind] = SourceKind.TREE

    @property
    def scan(self) -> Job[ScanRequest, CacheReport]:
        """See `Source.scan`."""
        return SCAN_TREE

    def bind(self) -> Bind:
        """See `Source.bind`."""
        return Bind(source=str(self.path), target=paths.SOURCE)

    def bind_tree(self, path: str) -> Bind:  # noqa: ARG002
        """See `Source.bind_tree`: there is only one."""
        return self.bind()

    def freezes_in(self, candidate: Candidate) -> Path | None:  # noqa: ARG002
        """See `Source.freezes_in`: nothing is written beside a folder that is no cache."""
        return None

    def check(self, *, outputs: Sequence[Path]) -> None:
        """See `Source.check`."""
        tree = self.path.resolve()
        if tree == Path("/"):
            raise UsageError(
                "The running system cannot be built: it changes while it is read",
                hint="Build from a backup of it (--cache), or from a copy (--tree).",
            )
        for output in outputs:
            if output.resolve().is_relative_to(tree):
                raise UsageError(
                    "The tree {tree} contains {place}, where the build writes",
                    hint="Choose an output folder outside the tree with --output. If the "
                    "engine's own data is in the tree, build from a copy of it.",
                    tree=self.path,
                    place=output,
                )

    def missing(self) -> SourceError:
        """See `Source.missing`."""
        return SourceError(
            "There is no folder at {path}",
            hint="Use --tree for a folder that holds a root filesystem (etc, usr, var …).",
            path=self.path,
        )


KINDS: Final[Mapping[SourceKind, type[CacheFolder | CacheImage | PlainTree]]] = MappingProxyType(
    {each.kind: each for each in (CacheFolder, CacheImage, PlainTree)}
)


def source_of(kind: SourceKind, path: Path) -> Source:
    """Return the source of a kind at a path."""
    return KINDS[kind](path)
