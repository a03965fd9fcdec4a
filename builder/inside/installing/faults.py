"""What people are told where disk or medium of an installation fail, whatever noticed it first.

The words of the system are those of errno(3), which programs print since they run with
LC_ALL=C.UTF-8; those of reading a squashfs are unsquashfs's own.
"""

import contextlib
import errno
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from builder.basics.errors import StepError, UsageError

_FULL: Final = os.strerror(errno.ENOSPC)
# Not those of missing devices: programs say so of terminals, too.
_BROKEN: Final = tuple(map(os.strerror, (errno.EIO, errno.EROFS, errno.EUCLEAN)))
_PROBES, _PROBED = 16, 4096  # places, and bytes at each
_NOT_READ: Final = re.compile(
    "uncompress|failed to read|read on filesystem|superblock|corrupt",
    re.IGNORECASE,
)


@contextlib.contextmanager
def explained(disk: str) -> Iterator[None]:
    """Raise StepError for a body that failed since `disk` is full or broken; others as they are."""
    try:
        yield
    except StepError as error:
        found = _fault(disk, error.output)
        if found is None:
            raise
        raise found from error
    except OSError as error:
        found = _fault(disk, [os.strerror(error.errno or 0)])
        if found is None:
            raise
        raise found from error


@contextlib.contextmanager
def read_from_medium(image: Path) -> Iterator[None]:
    """Raise StepError for a body that reads nothing but the medium with `image`, and could not.

    What cannot be read seems not to be there, so a refusal may be wrong: then the medium is tried.
    """
    try:
        yield
    except UsageError:
        if not _is_readable(image):
            raise medium_fault() from None
        raise
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        raise medium_fault() from error


def _is_readable(image: Path) -> bool:
    """Whether some places of the image can be read, of which hardly all are in memory already."""
    try:
        with image.open("rb", buffering=0) as stream:
            size = os.fstat(stream.fileno()).st_size
            for number in range(_PROBES):
                os.pread(stream.fileno(), _PROBED, size * number // _PROBES)
    except OSError as error:
        return error.errno != errno.EIO
    return True


def copying_fault(error: StepError) -> StepError:
    """Return what an error of unsquashfs means: that of the medium, or itself."""
    if any(_NOT_READ.search(line) for line in error.output):
        return medium_fault()  # without what was printed, which may speak of a broken device
    return error


def medium_fault() -> StepError:
    """Return the error of a medium that was pulled or is damaged."""
    return StepError(
        "The medium cannot be read",
        hint="It may have been pulled out, or be damaged. Plug it in again, restart from it and "
        'choose "check this medium" in the boot menu; if that finds something, write it again. An '
        "installation that was not finished does not start: install again.",
    )


def _fault(disk: str, lines: Sequence[str]) -> StepError | None:
    if any(_FULL in line for line in lines):
        return StepError(
            "{disk} was full before all of the system was on it",
            hint="Start the installation again with a larger disk, or with a smaller swap file. "
            "What is on the disk now does not start.",
            output=lines,
            disk=disk,
        )
    if any(word in line for word in _BROKEN for line in lines):
        return StepError(
            "{disk} cannot be read or written any more",
            hint="Look whether it is still connected, then start the installation again. If that "
            "does not help, the disk is broken: take another one.",
            output=lines,
            disk=disk,
        )
    return None
