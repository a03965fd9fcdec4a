"""Results as the engine hands them out: a tar stream of which nothing is believed."""

import io
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Final

from builder.errors import HostError, VerificationError

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
    reader = io.BufferedReader(_ChunkReader(chunks), _CHUNK)
    try:
        with tarfile.open(fileobj=reader, mode="r|") as archive:
            for member in archive:
                if member.isdir():
                    continue
                name = member.name.rpartition("/")[2]
                content = archive.extractfile(member) if member.isreg() else None
                if content is None or sizes.get(name) != member.size:
                    raise VerificationError(
                        "The container left something unexpected among the results: {name}",
                        name=member.name,
                    )
                for count in _write(content, target / name):
                    done += count
                    on_progress(done / total)
    except tarfile.TarError as error:
        raise VerificationError(
            "The results did not come out of the container whole: {reason}",
            hint="Build again; if it happens again, look at the engine's own log.",
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
    target.chmod(0o644)


class _ChunkReader(io.RawIOBase):
    """A stream of byte chunks as a file that can only be read forward."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            try:
                self._rest = memoryview(next(self._chunks))
            except StopIteration:
                return 0
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
