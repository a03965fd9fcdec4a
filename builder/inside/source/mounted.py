"""The source at its mount point: bind-mounted by the engine, or mounted from a cache image."""

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import assert_never

from builder.basics.errors import SourceError
from builder.border import paths
from builder.border.source import SourceKind, TreePlace
from builder.inside.source import cache_image
from builder.inside.source.fingerprint import fingerprint
from builder.inside.system.system import System


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
    """Raise SourceError when a tree that is not frozen changes during the body."""
    if tree.frozen:
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
