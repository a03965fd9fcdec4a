"""What may listen where an engine is expected: real sockets that answer, or do not."""

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

VERSION: Mapping[str, object] = {
    "ApiVersion": "1.41",
    "Version": "20.10.24",
    "MinAPIVersion": "1.12",
}
PODMAN: Mapping[str, object] = {
    "ApiVersion": "1.41", "Version": "4.3.1", "Components": [{"Name": "Podman Engine"}],
}  # fmt: skip


def http(content: bytes, *, status: str = "200 OK", kind: str = "application/json") -> bytes:
    """Return an answer of a web server."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + content


def engine(said: object = VERSION) -> bytes:
    """Return what an engine answers to /version."""
    return http(json.dumps(said).encode())


@contextlib.contextmanager
def listening(path: Path, answer: bytes | None) -> Iterator[str]:
    """Listen on a socket of that path and answer everything so; None: take all, say nothing."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        with _serving(listener, answer):
            yield f"unix://{path}"


@contextlib.contextmanager
def listening_on_network(
    answer: bytes | None, *, tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """The same on a port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with _serving(listener, answer, tls=tls):
            yield f"tcp://localhost:{port}"


@contextlib.contextmanager
def _serving(
    listener: socket.socket, answer: bytes | None, *, tls: ssl.SSLContext | None = None
) -> Iterator[None]:
    listener.listen()
    over = threading.Event()

    def speak(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            wrapped = connection if tls is None else tls.wrap_socket(connection, server_side=True)
            with wrapped:
                wrapped.recv(65536)
                if answer is None:
                    over.wait()
                else:
                    wrapped.sendall(answer)

    def accept() -> None:
        while True:
            try:
                connection, _peer = listener.accept()
            except OSError:
                return
            threading.Thread(target=speak, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
