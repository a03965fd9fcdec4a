"""The chosen tree at /source: mounted where it lies in a cache image, and watched for changes."""

import contextlib
from collections.abc import Iterator

from builder.basics.errors import SourceError
from builder.border import paths
from builder.border.requests import TreePlace
from builder.inside.source import cache_image
from builder.inside.source.fingerprint import fingerprint
from builder.inside.system.system import System


@contextlib.contextmanager
def mounted_source(tree: TreePlace, *, system: System) -> Iterator[None]:
    """Have the tree at /source: bound there already, or mounted from the cache image."""
    if not tree.cache_image:
        yield
        return
    with cache_image.mounted(
        paths.CACHE_IMAGE, paths.SOURCE, system=system, subvolume=tree.subvolume
    ):
        yield


@contextlib.contextmanager
def unchanged(tree: TreePlace) -> Iterator[None]:
    """Raise SourceError when a tree that is not frozen changed during the body."""
    if tree.frozen:
        yield
        return
    before = _state(tree)
    yield
    if _state(tree) != before:
        raise SourceError(
            "The source changed while it was read, so the result was thrown away",
            hint="Let a running backup finish, then try again. On btrfs, a cache that is a "
            "subvolume on a writable medium is frozen instead.",
        )


def _state(tree: TreePlace) -> str:
    if not tree.cache_image:
        return fingerprint(paths.SOURCE)
    facts = paths.CACHE_IMAGE.stat()
    return f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}"
