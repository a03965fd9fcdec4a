"""What a container prints reaches us when it is printed, over each kind of connection."""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.tls import TLSConfig

from builder.host.engine.streams import frames
from tests.support.authority import Authority

HEAD = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
PATIENCE = 20  # seconds


def frame(text: bytes, *, stream: int = 1) -> bytes:
    return struct.pack(">BxxxL", stream, len(text)) + text


class Engine:
    """Answers one request by what the test says, piece by piece."""

    def __init__(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        self._listener, self._tls = listener, tls
        self.goes_on = threading.Event()

    def serve(self, pieces: list[bytes]) -> threading.Thread:
        def speak() -> None:
            plain, _peer = self._listener.accept()
            served = plain if self._tls is None else self._tls.wrap_socket(plain, server_side=True)
            with served:
                served.recv(65536)
                for piece in pieces:
                    served.sendall(piece)
                    assert self.goes_on.wait(PATIENCE)
                    self.goes_on.clear()

        thread = threading.Thread(target=speak, daemon=True)
        thread.start()
        return thread


@pytest.fixture(params=["unix", "tcp", "tls"])
def reached(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Engine, Any]]:
    """Yield an engine and the SDK's client for it."""
    if request.param == "unix":
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        url = f"unix://{tmp_path}/s"
    else:
        listener = socket.create_server(("127.0.0.1", 0))
        url = f"tcp://localhost:{listener.getsockname()[1]}"
    tls: ssl.SSLContext | None = None
    config: TLSConfig | bool = False
    with listener:
        if request.param == "tls":
            authority = Authority.made_in(tmp_path)
            tls, mine = authority.server("localhost"), authority.files("me")
            config = TLSConfig(
                client_cert=(str(mine.certificate), str(mine.key)),
                ca_cert=str(mine.authority),
                verify=True,
            )
        client = docker.APIClient(base_url=url, version="1.41", tls=config, timeout=1)
        client.trust_env = False  # as ours
        yield Engine(listener, tls), client
        client.close()


@contextlib.contextmanager
def attached(client: Any) -> Iterator[Iterator[tuple[bytes | None, bytes | None]]]:
    with client.post(f"{client.base_url}/attach", stream=True) as response:
        yield frames(response)


def test_a_line_comes_before_the_next_is_printed(reached: tuple[Engine, Any]) -> None:
    engine, client = reached
    thread = engine.serve([HEAD, frame(b"one\n"), frame(b"two\n", stream=2), frame(b"")])
    engine.goes_on.set()
    with attached(client) as came:
        assert next(came) == (b"one\n", None)
        engine.goes_on.set()
        assert next(came) == (None, b"two\n")
        engine.goes_on.set()
        assert next(came) == (b"", None)
        engine.goes_on.set()
        assert next(came, "the end") == "the end"
    thread.join()


def test_what_came_with_the_head_is_not_lost(reached: tuple[Engine, Any]) -> None:
    engine, client = reached
    large = bytes(range(256)) * 1000
    engine.serve([HEAD + frame(b"early") + frame(large)])
    with attached(client) as came:
        assert [next(came), next(came)] == [(b"early", None), (large, None)]
        engine.goes_on.set()
        assert list(came) == []


def test_a_silence_is_no_end_and_a_half_line_is_kept(reached: tuple[Engine, Any]) -> None:
    engine, client = reached
    engine.serve([HEAD, frame(b"whole") + frame(b"half a line")[:12]])
    engine.goes_on.set()
    with attached(client) as came:
        assert next(came) == (b"whole", None)
        later = threading.Timer(1.5, engine.goes_on.set)  # longer than the client's patience
        later.start()
        assert list(came) == [(b"half", None)]
        later.join()
