"""The source at its mount point: bind-mounted by the engine, or mounted from a cache image."""

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from builder.basics.errors import SourceError
from builder.border import paths
from builder.border.source import SourceKind, TreePlace
from builder.inside.debian.dpkg import STATUS
from builder.inside.linux.btrfs import Subvolume, subvolume
from builder.inside.source import cache_image
from builder.inside.source.fingerprint import fingerprint
from builder.inside.system.system import System
from builder.inside.tree.tree import Tree


def mounted_source(tree: TreePlace, *, system: System) -> AbstractContextManager[object]:
    """Mount the chosen tree at /source, unless the engine already did."""
    match tree.kind:
        case SourceKind.CACHE | SourceKind.TREE:
            return contextlib.nullcontext()
        case SourceKind.CACHE_IMAGE:
            return cache_image.mounted(
                paths.CACHE_IMAGE, paths.SOURCE, system=system, subvolume=tree.subvolume
            )
        case kind:
            assert_never(kind)


@contextlib.contextmanager
def unchanged(tree: TreePlace) -> Iterator[None]:
    """Raise SourceError when the tree changes during the body, or is deleted if it is frozen."""
    if tree.frozen:
        with _still_there():
            yield
        return
    before = _state(tree.kind)
    yield
    if _state(tree.kind) != before:
        raise SourceError(
            "The source changed while it was being read, so the result was discarded",
            hint="Wait for the running backup to finish, then try again. On btrfs, a cache that is "
            "a subvolume on a writable medium is frozen instead.",
        )


@contextlib.contextmanager
def _still_there() -> Iterator[None]:
    """Raise SourceError when the frozen snapshot is not there any more after the body.

    Whoever owns the medium can delete it; then it reads as empty folders, without an error.
    """
    before = _snapshot()
    yield
    if before is None or _snapshot() != before:
        raise SourceError(
            "The frozen snapshot was deleted or changed while it was being read, so the result was "
            "discarded",
            hint="Leave .distroclone-builder-* in the cache alone during a build, then try again.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Snapshot:
    """What is not as before when a snapshot is gone."""

    device: int
    inode: int
    subvolume: Subvolume | None
    names: tuple[str, ...]  # at the top
    packages: tuple[int, ...]  # inode, size and time of dpkg's list; () without one


def _snapshot() -> _Snapshot | None:
    """Return what is there now; None when nothing can be read."""
    try:
        top = paths.SOURCE.stat()
        return _Snapshot(
            device=top.st_dev,
            inode=top.st_ino,
            subvolume=subvolume(paths.SOURCE),
            names=tuple(sorted(each.name for each in paths.SOURCE.iterdir())),
            packages=_packages(),
        )
    except OSError:
        return None


def _packages() -> tuple[int, ...]:
    tree = Tree(paths.SOURCE)
    if not tree.is_file(STATUS):
        return ()
    facts = tree.resolve(STATUS).stat()
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def _state(kind: SourceKind) -> str:
    match kind:
        case SourceKind.CACHE | SourceKind.TREE:
            return fingerprint(paths.SOURCE)
        case SourceKind.CACHE_IMAGE:
            return _file_state(paths.CACHE_IMAGE)
        case other:
            assert_never(other)


def _file_state(path: Path) -> str:
    facts = path.stat()
    return f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}"
