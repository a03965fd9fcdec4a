"""What a container prints, as it comes: frames of a stream and a length, and the text.

The SDK reads them, too, but waits for the network while a text may lie in the TLS layer already, so
that each would come with the next one; and it takes a connection that broke for the end. The form
is that of Docker's API, `POST /containers/{id}/attach`.
"""

import struct
from collections.abc import Iterator
from typing import Any, Final

_HEADER: Final = struct.Struct(">BxxxL")
_ERRORS: Final = 2  # the number of the stream


def frames(response: Any) -> Iterator[tuple[bytes | None, bytes | None]]:
    """Yield what came on standard output, and on standard error: one of them in each frame.

    `response` is the SDK's to `attach`. Raises OSError when the connection breaks.
    """
    reader = response.raw._fp.fp  # the SDK takes the socket from there; some may be read ahead
    reader.raw._sock.settimeout(None)  # a job may be silent; a watchdog sees to its limit
    while len(header := reader.read(_HEADER.size)) == _HEADER.size:
        stream, length = _HEADER.unpack(header)
        text = reader.read(length)
        yield (None, text) if stream == _ERRORS else (text, None)
        if len(text) < length:
            return
