"""The engine's SDK behind our door: slow answers, and whose fault an error is."""

import io
import json
import socketserver
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from builder.host.engine import Engine, connect

_VERSION = {"ApiVersion": "1.41", "Version": "20.10", "MinAPIVersion": "1.12"}


class _Answers(BaseHTTPRequestHandler):
    """An engine that takes its time for everything but its version, and builds any image."""

    protocol_version = "HTTP/1.1"

    def address_string(self) -> str:
        return "socket"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nobody reads it."""

    def do_GET(self) -> None:
        if self.path.endswith("/version"):
            self._answer(_VERSION)
            return
        time.sleep(1.5)
        self._answer({"Name": "slow"})

    def do_POST(self) -> None:
        self._answer({"stream": "Step 1/2\n"})

    def _answer(self, data: object) -> None:
        content = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    path = tmp_path / "engine.sock"
    with _Server(str(path), _Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        monkeypatch.setattr("docker.client.DEFAULT_TIMEOUT_SECONDS", 1)
        engine = connect()
        try:
            yield engine
        finally:
            engine.close()
            server.shutdown()


def test_an_engine_that_removes_a_large_volume_may_take_its_time(engine: Engine) -> None:
    assert engine.facts().name == "slow"


def test_a_display_that_broke_is_not_called_an_engine_that_did_not_answer(engine: Engine) -> None:
    def broken(_line: str) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        engine.images.build(
            io.BytesIO(), dockerfile="Dockerfile", tag="x:y", arguments={}, labels={}, fresh=False,
            on_line=broken,
        )  # fmt: skip
