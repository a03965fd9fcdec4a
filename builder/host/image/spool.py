"""A temporary file for what is too large for memory."""

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO

from builder.basics.errors import HostError


@contextlib.contextmanager
def spool(pieces: Iterable[bytes] = ()) -> Iterator[IO[bytes]]:
    """Give a temporary file with the pieces in it, at its beginning; it is gone afterwards.

    Raises HostError when there is no room, in the body too.
    """
    try:
        with tempfile.TemporaryFile() as file:
            file.writelines(pieces)
            file.seek(0)
            yield file
    except OSError as error:
        raise HostError(
            "The temporary folder {path} cannot be used: {reason}",
            hint="About 1 GiB must be free there; to use another folder, set TMPDIR.",
            path=tempfile.gettempdir(),
            reason=error.strerror or error,
        ) from error
