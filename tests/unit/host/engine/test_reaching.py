"""What answers is an engine that is new enough, or people are told what it is not."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from builder.basics.errors import HostError
from builder.host.engine.endpoint import EngineChoice
from builder.host.engine.reaching import reach, sdk_client
from tests.support.command_line import run

OLD = {"ApiVersion": "1.40", "Version": "19.03"}
GOOD = {"ApiVersion": "1.41", "Version": "20.10"}


@contextmanager
def answering(path: Path, answer: bytes) -> Iterator[EngineChoice]:
    """Answer every connection to a socket with these bytes, once it has asked for something."""
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        door.listen()

        def serve() -> None:
            while True:
                try:
                    connection, _address = door.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        server = threading.Thread(target=serve, daemon=True)
        server.start()
        yield EngineChoice(engine=f"unix://{path}")
        door.shutdown(socket.SHUT_RDWR)
        server.join()


def http(body: str, *, status: str = "200 OK", kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n{body}".encode()


@pytest.mark.parametrize(
    "answer",
    [
        http("<html>It works!</html>", kind="text/html"),
        http("not found", status="404 Not Found", kind="text/plain"),
        http("[]"),
        http("{}"),
        http('{"ApiVersion": 1}'),
        http('{"ApiVersion": "new"}'),
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\0" * 100,
        b"",
    ],
)
def test_what_is_no_engine_is_not_taken_for_one(tmp_path: Path, answer: bytes) -> None:
    with (
        answering(tmp_path / "s", answer) as choice,
        pytest.raises(HostError, match=r"No container engine answers at unix://.*--engine"),
    ):
        reach(choice)


def test_an_engine_that_is_too_old_is_named(tmp_path: Path) -> None:
    with (
        answering(tmp_path / "s", http(json.dumps(OLD))) as choice,
        pytest.raises(HostError, match=r"has API 1\.40; 1\.41 .* is needed"),
    ):
        reach(choice)


def test_an_engine_that_answers_is_taken(tmp_path: Path) -> None:
    with answering(tmp_path / "s", http(json.dumps(GOOD))) as choice:
        client, said = reach(choice)
        client.close()
    assert said["ApiVersion"] == "1.41"


def test_a_context_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(HostError, match=r"no Docker context nowhere; there are: .*default"):
        sdk_client(EngineChoice(context="nowhere"))


def test_the_command_takes_the_engine_that_it_is_told(tmp_path: Path) -> None:
    with answering(tmp_path / "s", http(json.dumps(OLD))) as choice:
        ended = run("--engine", choice.engine, "sweep")
    assert ended.code == 3
    assert "has API 1.40" in ended.error["message"]


def test_a_doctor_without_an_engine_still_looks_at_the_rest() -> None:
    ended = run("doctor", environment={"DOCKER_HOST": "unix:///nowhere/engine.sock"})
    assert ended.code == 3
    data = ended.events[-1]["data"]
    checks = {each["name"]: each for each in data["checks"]}
    assert data["able"] is False
    assert checks["engine"]["verdict"] == "failed"
    assert "No container engine answers" in checks["engine"]["finding"]
    assert "--engine" in checks["engine"]["remedy"]
    assert {"sources", "space here", "boot test"} <= checks.keys()
