"""Names the cache in errors: containers know it by another path, and engines have other words."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from builder.basics.errors import HostError, SourceError
from builder.basics.texts import say
from builder.host.engine.faults import BindMissingError


@contextlib.contextmanager
def cache_named(cache: Path) -> Iterator[None]:
    """Raise SourceError where the engine finds no folder `cache`, and say of others which it is."""
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
    except (SourceError, HostError) as error:
        error.add_note(say("The cache is {path}", path=cache))
        raise
