"""The picture of a test machine's screen, from its container to a file."""

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from builder.basics.errors import HostError, StepError
from builder.host.engine.streams import ChunkReader

_LARGEST: Final = 64 << 20  # bytes; a machine's screen is a few MB


def save_picture(chunks: Iterable[bytes], target: Path) -> None:
    """Write the one file of a tar stream to `target`.

    Raises StepError where the stream is no picture, HostError where the file cannot be written.
    """
    picture = _picture(chunks)
    try:
        target.write_bytes(picture)
    except OSError as error:
        raise HostError(
            "The picture of the screen cannot be written to {path}: {reason}",
            hint="Choose a folder that you can write to and that has free space.",
            path=target,
            reason=error.strerror or error,
        ) from error


def _picture(chunks: Iterable[bytes]) -> bytes:
    reader = io.BufferedReader(ChunkReader(chunks))
    try:
        with tarfile.open(fileobj=reader, mode="r|") as archive:
            for member in archive:
                content = archive.extractfile(member)
                if content is not None and member.size <= _LARGEST:
                    return content.read()
    except tarfile.TarError as error:
        raise StepError(
            "The picture of the screen is incomplete: {reason}", reason=error
        ) from error
    raise StepError("The test machine left no picture of its screen")
