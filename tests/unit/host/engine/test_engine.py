"""The engine's SDK behind our door: slow answers, and whose fault an error is."""

import io
import json
import socketserver
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from tarfile import TarInfo

import pytest

from builder.basics.errors import HostError
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
        if "nonsense" in self.path:
            self._stream(b'{"stream": "Step 1/2\\n"}\n<html>502</html>')
        elif "half" in self.path:
            self._stream(b'{"stream": "Step 1/2\\n"}\n{"stre')
        else:
            self._answer({"stream": "Step 1/2\n"})

    def _stream(self, content: bytes) -> None:
        """Answer in one chunk, and end as if all were said."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content))

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


@pytest.mark.parametrize("tag", ["x:half", "x:nonsense"])
def test_an_answer_that_breaks_off_is_the_engines_fault_and_no_defect(
    engine: Engine, tag: str
) -> None:
    lines: list[str] = []
    with pytest.raises(HostError, match="while building the image breaks off") as caught:
        engine.images.build(
            io.BytesIO(), dockerfile="Dockerfile", tag=tag, arguments={}, labels={}, fresh=False,
            on_line=lines.append,
        )  # fmt: skip
    assert caught.value.temporary
    assert "sweep" in caught.value.advice
    assert lines == ["Step 1/2"]
    with pytest.raises(HostError, match="while importing the base image breaks off"):
        engine.images.import_rootfs(io.BytesIO(TarInfo("x").tobuf()), tag=tag, labels={})


def test_a_pull_that_ends_in_nonsense_is_tried_again(engine: Engine) -> None:
    waits: list[float] = []
    with pytest.raises(HostError, match="breaks off"):
        engine.images.pull(
            "nonsense", digest="sha256:0", attempts=2,
            on_retry=lambda _error, wait: waits.append(wait),
        )  # fmt: skip
    assert len(waits) == 1
