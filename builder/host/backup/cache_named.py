"""Says that a cache's folder is missing, in a person's words and not in the engine's."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from builder.basics.errors import SourceError
from builder.host.engine.faults import BindMissingError


@contextlib.contextmanager
def cache_named(cache: Path) -> Iterator[None]:
    """Raise SourceError where the engine finds no folder `cache`; other errors pass as they are."""
    try:
        yield
    except BindMissingError as error:
        if error.path and error.path != str(cache.resolve()):
            raise
        raise SourceError(
            "There is no folder at {path}",
            hint="Mount the drive that the cache is on, or make the folder, then try again.",
            path=cache,
        ) from error
