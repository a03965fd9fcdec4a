"""Names the cache in errors: containers know it by another path, and engines have other words."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from builder.basics.errors import HostError, SourceError
from builder.basics.texts import say
from builder.host.engine.faults import BindMissingError, EngineRefusedError


@contextlib.contextmanager
def cache_named(cache: Path) -> Iterator[None]:
    """Raise SourceError where the engine finds no folder `cache`, and say of others which it is."""
    check_name(cache)
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
        if is_about_a_file(error) and any(str(each) in str(error) for each in _names(cache)):
            raise SourceError(
                "{path} is not a folder",
                hint="--cache takes the folder that holds .rootfs_cache and .backup_meta.",
                path=cache,
            ) from error
        error.add_note(say("The cache is {path}", path=cache))
        raise


def check_name(path: Path) -> None:
    """Raise SourceError for a path with bytes that the engine's API, which is JSON, cannot have."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError as error:
        raise SourceError(
            "The path {path} is not UTF-8, and so the engine cannot be told it",
            hint="Give it by another name: rename it, or make a link to it with `ln -s`.",
            path=path,
        ) from error


def is_about_a_file(error: HostError | SourceError) -> bool:
    """Whether an engine refused to mount a file on a folder; all of them quote mount(2)."""
    return isinstance(error, EngineRefusedError) and "not a directory" in str(error).lower()


def _names(path: Path) -> tuple[Path, Path]:
    return path, path.resolve()
