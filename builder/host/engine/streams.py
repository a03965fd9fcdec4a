"""What a container prints, as it comes; and what the engine's archives yield, read as a file.

Output comes in frames: a stream's number and a length, and the text. The SDK reads them, too, but
waits for the network while a text may lie in the TLS layer already, so that each would come with
the next one; and it takes a connection that broke for the end. The form is that of Docker's API,
`POST /containers/{id}/attach` and `GET /containers/{id}/logs`.
"""

import io
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

_HEADER: Final = struct.Struct(">BxxxL")
_ERRORS: Final = 2  # the number of the stream

Frame = tuple[bytes | None, bytes | None]  # standard output or standard error; None: the other one


def frames(response: Any) -> Iterator[Frame]:
    """Yield what a running container prints, from now on.

    `response` is the SDK's to `attach`. Raises OSError when the connection breaks.
    """
    reader = response.raw._fp.fp  # the SDK takes the socket from there; some may be read ahead
    reader.raw._sock.settimeout(None)  # a job may be silent; a watchdog sees to its limit
    return _read(reader.read)


def logged(response: Any) -> Iterator[Frame]:
    """Yield what a container has printed since it began. `response` is the one to `logs`.

    Raises urllib3's HTTPError or OSError when the connection breaks.
    """
    return _read(response.raw.read)


def _read(read: Callable[[int], bytes]) -> Iterator[Frame]:
    while len(header := read(_HEADER.size)) == _HEADER.size:
        stream, length = _HEADER.unpack(header)
        text = read(length)
        yield (None, text) if stream == _ERRORS else (text, None)
        if len(text) < length:
            return


class ChunkReader(io.RawIOBase):
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
