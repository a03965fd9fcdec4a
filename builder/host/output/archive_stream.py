"""Results as the engine returns them: a tar stream that is not trusted."""

import io
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Final

from builder.basics.errors import HostError, VerificationError
from builder.border.handover import MARK
from builder.host.engine.streams import ChunkReader

_CHUNK: Final = 4 * 1024 * 1024


def unpack(
    chunks: Iterable[bytes],
    target: Path,
    *,
    sizes: Mapping[str, int],
    on_progress: Callable[[float], None],
) -> None:
    """Write the files of a tar stream to the folder `target`, each with the size that is known.

    Raises VerificationError for anything else in the stream, HostError when there is no room.
    """
    total = max(sum(sizes.values()), 1)
    done = 0
    reader = io.BufferedReader(ChunkReader(chunks), _CHUNK)
    try:
        with tarfile.open(fileobj=reader, mode="r|") as archive:
            for member in archive:
                if member.isdir():
                    continue
                name = member.name.rpartition("/")[2]
                if name == MARK:  # our own; where the container wrote beside it
                    continue
                content = archive.extractfile(member) if member.isreg() else None
                if content is None or sizes.get(name) != member.size:
                    raise VerificationError(
                        "The container's results contain something unexpected: {name}",
                        name=member.name,
                    )
                for count in _write(content, target / name):
                    done += count
                    on_progress(done / total)
    except tarfile.TarError as error:
        raise VerificationError(
            "The results from the container are incomplete: {reason}",
            hint="Build again. If it happens again, check the engine's log.",
            reason=error,
        ) from error
    except OSError as error:
        raise HostError(
            "The results cannot be written to {path}: {reason}",
            hint="Free space there, or choose another folder with --output.",
            path=target.parent,
            reason=error.strerror or error,
        ) from error


def _write(content: IO[bytes], target: Path) -> Iterator[int]:
    """Write a new file and flush it to the disk; yield the size of each piece."""
    with target.open("xb") as file:
        while piece := content.read(_CHUNK):
            file.write(piece)
            yield len(piece)
        file.flush()
        os.fsync(file.fileno())
