"""A folder for a rebuild that is not kept. Folders left by killed runs are removed first."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from builder.basics.errors import BuilderError, HostError, Interrupted

_PREFIX: Final = "distroclone-builder-reproduce-"
_LOGS: Final = "*.log"


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder that is removed after the body; after an error it stays if it contains a log.

    Raises HostError where none can be made.
    """
    # Not /tmp, which may be in memory: an ISO is large (file-hierarchy(7), /var/tmp).
    base = Path(os.environ.get("TMPDIR", "/var/tmp"))  # noqa: S108
    _remove_stale(base)
    try:
        place = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
    except OSError as error:
        raise HostError(
            "Cannot create a folder for the rebuild in {folder}: {reason}",
            hint="Choose a folder for it with --output, or set TMPDIR to another folder for "
            "temporary files.",
            folder=base,
            reason=error.strerror or error,
        ) from error
    keep = False
    try:
        with _locked(place):
            yield place / "rebuilt"  # a build locks its output folder itself
    except BuilderError as error:
        keep = not isinstance(error, Interrupted) and any(place.rglob(_LOGS))
        raise
    finally:
        if not keep:
            shutil.rmtree(place, ignore_errors=True)


def _remove_stale(base: Path) -> None:
    """Remove folders of ours that nobody has locked, but those with nothing but a log."""
    for place in base.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), _locked(place) as descriptor:
            files = {path for path in place.rglob("*") if not path.is_dir()}
            is_ours = os.fstat(descriptor).st_uid == os.geteuid()
            if is_ours and files != set(place.rglob(_LOGS)):
                shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def _locked(place: Path) -> Iterator[int]:
    """Lock a folder. Raises OSError where it is locked, is none, or is a link."""
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor
    finally:
        os.close(descriptor)
