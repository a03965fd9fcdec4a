"""A socket in front of the engine's, which can be cut: an engine that goes away."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path


class EngineProxy:
    """Forwards a unix socket to the engine's until it is cut."""

    def __init__(self, path: Path, engine: Path) -> None:
        self._engine = str(engine)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._open: list[socket.socket] = [self._listener]
        self._path = path
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection, and answer no more."""
        self._path.unlink(missing_ok=True)
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                engine = socket.socket(socket.AF_UNIX)
                engine.connect(self._engine)
                self._open += [client, engine]
                for one, other in ((client, engine), (engine, client)):
                    threading.Thread(target=_copy, args=(one, other), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Pass on bytes until the source ends, and then the end itself."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def proxied(path: Path, engine: Path) -> Iterator[EngineProxy]:
    """Open a proxy, and cut it at the end."""
    proxy = EngineProxy(path, engine)
    try:
        yield proxy
    finally:
        proxy.cut()
