"""Something that says it is an engine, and then answers in no shape that an engine has."""

import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar

import docker.models.images
import pytest

from builder.basics.errors import HostError, UsageError
from builder.host.cli.main import run
from builder.host.engine.faults import EngineNonsenseError, translated
from tests.support.answering import VERSION

ANSWERS = (
    "{}", "[]", "null", "7", '"x"', "[7]", "[null]", "[{}]", '[{"Id": "a"}]', '{"Id": 7}',
    '{"Id": "a", "State": 7, "Config": 7}', '{"Id": "a", "Config": {"Labels": 7}, "Mounts": 7}',
    '{"Volumes": 7}', '{"Volumes": [7]}', '{"Volumes": [{}]}', '{"NCPU": "many"}',
    '{"NCPU": 1e400, "SecurityOptions": 7}', "[" * 5000, "<html>", "\x00", "",
)  # fmt: skip

NOTHING = ("[]", "{}")  # also where a list is asked for


class _Odd(BaseHTTPRequestHandler):
    """Says a version, and to everything else what the test says."""

    protocol_version = "HTTP/1.1"
    answer: ClassVar[str] = ""

    def address_string(self) -> str:
        return "socket"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nobody reads it."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        said = json.dumps(VERSION) if self.path.endswith("/version") else self.answer
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said.encode())

    do_POST = do_PUT = do_DELETE = do_GET


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "engine.sock"
    with _Server(str(path), _Odd) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"unix://{path}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "words",
    ["builds list", "builds attach", "sweep --sent", "doctor", "image build", "block-cache show",
     "snapshots --tree {here}/tree", "build --tree {here}/tree --output {here}/iso"],
)  # fmt: skip
def test_no_command_takes_nonsense_for_its_own_fault(
    odd: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    said = set[str]()
    (tmp_path / "tree").mkdir()
    for answer in ANSWERS:
        monkeypatch.setattr(_Odd, "answer", answer)
        code = run(["--engine", odd, *words.format(here=tmp_path).split(), "--json"])
        last = json.loads(capsys.readouterr().out.splitlines()[-1])
        if words.startswith("builds") and answer in NOTHING:
            assert code == (0 if words == "builds list" else UsageError.exit_code)
            continue
        assert code == HostError.exit_code, (answer, last)
        error = last["error"]
        said.add(error["message"])
        assert error["hint"]
    assert any("makes no sense" in each for each in said), said


def test_the_shape_of_an_answer_is_told_from_a_fault_of_those_who_listen() -> None:
    words = "while working makes no sense: TypeError"
    with pytest.raises(EngineNonsenseError, match=words) as caught, translated("working"):
        docker.models.images.Image(attrs=7).labels  # type: ignore[arg-type] # noqa: B018
    assert not caught.value.temporary
    with pytest.raises(TypeError, match="has no len"), translated("working"):
        len(7)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="ours"), translated("working"):
        raise UsageError("ours")
