"""What a container says is heard once and whole, however often the connection to it breaks."""

import json
import socketserver
import struct
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pytest

from builder.basics.errors import HostError, StepError
from builder.border.events import Event, Failed, Note, Result, StepStarted, ToolOutput, encode
from builder.border.jobs import LIST_FROZEN
from builder.border.requests import FrozenNames
from builder.host.engine import connect, following
from builder.host.engine.faults import EngineSilentError
from builder.host.engine.following import Followed, Line, LineLostError
from builder.host.engine.streams import Frame

RUN = "0123456789abcdef"
SAID: list[Event] = [StepStarted(step="x", position=1, total=1), ToolOutput(step="x", text="ä 1"),
        ToolOutput(step="x", text="two"), Result(data={"names": []})]  # fmt: skip
LINES = b"".join(f"{encode(each)}\n".encode() for each in SAID)


def broken(*pieces: bytes) -> Iterator[Frame]:
    """Yield the frames of a connection that breaks after them."""
    yield from ((piece, None) for piece in pieces)
    raise ConnectionResetError


def whole(*pieces: bytes) -> Iterator[Frame]:
    return iter([(piece, None) for piece in pieces])


class Log:
    """Answers each new try with the next of what a test says; errors are raised."""

    def __init__(self, *answers: tuple[Iterator[Frame], bool] | Exception) -> None:
        self._answers = list(answers)

    def __call__(self) -> tuple[Iterator[Frame], bool]:
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_LONGEST_WAIT", 0.02)
    monkeypatch.setattr(following, "_PAUSE", 0.0)


def heard(
    first: Iterator[Frame] | None, log: Log, *, output: int = 1 << 20, stays: str = ""
) -> tuple[list[Event], list[Event]]:
    job = replace(LIST_FROZEN, limits=replace(LIST_FROZEN.limits, output=output))
    followed = Followed(first, log, job=job, line=Line(patience=0.3, stays=stays))
    told: list[Event] = []
    return list(followed.events(told.append)), told


def test_a_job_that_is_heard_to_its_result_needs_no_log() -> None:
    assert heard(whole(LINES[:9], LINES[9:]), Log()) == (SAID, [])


@pytest.mark.parametrize("place", range(0, len(LINES), 7))
def test_wherever_a_connection_breaks_each_line_is_heard_once(place: int) -> None:
    log = Log((broken(LINES[: place // 2]), False), (whole(LINES), False))
    assert heard(broken(LINES[:place]), log)[0] == SAID


@pytest.mark.parametrize("place", [0, 20, len(LINES) // 2])
def test_a_connection_that_ends_without_a_word_is_followed_again_too(place: int) -> None:
    """As ssh leaves a socket behind: it is closed, and nothing is wrong."""
    assert heard(whole(LINES[:place]), Log((whole(LINES), False)))[0] == SAID


def test_what_both_streams_said_is_counted_apart() -> None:
    first = iter([(None, b"err 1\n"), (LINES[:-30], None)])
    log = Log((iter([(LINES, None), (None, b"err 1\nerr 2\n")]), True))
    events = heard(first, log)[0]
    texts = [each.text for each in events if isinstance(each, ToolOutput)]
    assert texts == ["err 1", "ä 1", "two", "err 2"]


def test_dying_words_without_a_line_break_are_heard_at_the_end_and_only_then() -> None:
    log = Log((whole(b"one\ndying wo"), False), (whole(b"one\ndying words"), True))
    events = heard(broken(b"one\ndyi"), log)[0]
    assert events == [ToolOutput(step="", text="one"), ToolOutput(step="", text="dying words")]


def test_an_engine_that_comes_back_is_waited_for_and_both_are_told() -> None:
    gone = EngineSilentError("No answer: {reason}", reason="refused")
    events, told = heard(broken(LINES[:20]), Log(gone, gone, (whole(LINES), False)))
    assert events == SAID
    assert [each.level for each in told if isinstance(each, Note)] == ["warning", "info"]
    assert "trying again for {seconds} seconds" in str(told[0])


def test_an_engine_that_stays_away_ends_the_wait() -> None:
    gone = EngineSilentError("No answer: {reason}", reason="Connection refused")
    with pytest.raises(EngineSilentError, match="No answer: Connection refused") as caught:
        heard(broken(b""), Log(*[gone] * 200))
    assert not caught.value.keeps


def test_a_build_is_left_to_itself_when_its_engine_stays_away() -> None:
    gone = EngineSilentError("No answer: {reason}", reason="Connection refused")
    with pytest.raises(
        LineLostError, match=r"could not be reached for 0.3 seconds: Connection refused"
    ) as caught:
        heard(broken(b""), Log(*[gone] * 200), stays=RUN)
    assert caught.value.keeps
    assert "distroclone-builder sweep" in caught.value.advice
    assert f"builds attach {RUN}" in caught.value.advice


def test_a_refusal_is_no_lost_line() -> None:
    with pytest.raises(HostError, match="no such thing"):
        heard(broken(b""), Log(HostError("no such thing")))


def test_a_container_that_prints_without_end_is_given_up_however_often_it_is_read() -> None:
    long = b"x" * 700 + b"\n"
    log = Log((broken(long), False), (whole(long, LINES), False))
    assert heard(broken(long), log, output=len(long + LINES))[0][-1] == SAID[-1]
    with pytest.raises(StepError, match="printed more than"):
        heard(broken(long), Log((whole(long * 2), False)), output=1000)


def test_a_container_that_was_removed_has_nothing_more_to_say() -> None:
    assert heard(broken(LINES[:-30]), Log((iter(()), True)))[0] == SAID[:-1]


def test_an_error_is_a_last_word_as_a_result_is() -> None:
    failed = Failed(error=StepError("no").to_data())
    assert heard(whole(f"{encode(failed)}\n".encode()), Log())[0] == [failed]


class _Engine(BaseHTTPRequestHandler):
    """An engine with one container, whose log breaks off the first time it is asked for."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[str]] = []

    def address_string(self) -> str:
        return "socket"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nobody reads it."""

    def do_GET(self) -> None:
        kind, _, query = self.path.rpartition("/")[2].partition("?")
        if kind == "version":
            self._answer({"ApiVersion": "1.41", "Version": "20.10", "MinAPIVersion": "1.12"})
        elif kind == "json":
            state = "running" if not self.asked else "exited"
            self._answer({"Id": RUN, "State": {"Status": state}, "Config": {"Labels": {}}})
        else:
            self.asked.append(query)
            whole = b"".join(
                struct.pack(">BxxxL", 1, len(line)) + line for line in LINES.splitlines(True)
            )
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            if len(self.asked) == 1:
                self.wfile.write(b"%x\r\n%b" % (len(whole), whole[: len(whole) // 2]))
                self.close_connection = True
                return
            self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(whole), whole))

    def do_POST(self) -> None:
        self._answer({"StatusCode": 0})

    def _answer(self, data: object) -> None:
        content = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def test_a_container_is_attached_to_by_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "engine.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    monkeypatch.setattr(_Engine, "asked", [])
    told: list[Any] = []
    with _Server(str(path), _Engine) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        engine = connect()
        try:
            found = engine.attached(RUN, LIST_FROZEN, run="").finish(told.append)
        finally:
            engine.close()
            server.shutdown()
    assert found == FrozenNames(names=())
    assert told == SAID[:-1]
    assert ["follow=1" in each for each in _Engine.asked] == [True, False]
