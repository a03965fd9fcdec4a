"""What the engine's SDK raises reaches people as what happened and what to do."""

import socket
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import docker.errors
import pytest
import requests
import urllib3.exceptions
from docker.utils.socket import SocketError

from builder.basics.errors import HostError
from builder.host.engine.faults import patiently, reason, translated
from tests.support.command_line import run


def api_error(status: int, words: str) -> docker.errors.APIError:
    response = requests.Response()
    response.status_code = status
    kind = docker.errors.NotFound if status == 404 else docker.errors.APIError
    return kind("outer words", response=response, explanation=words)


def working() -> AbstractContextManager[None]:
    return translated("working")


SILENCE: Final = (
    OSError("socket"),
    SocketError("frame"),
    requests.exceptions.ConnectionError("connection"),
    urllib3.exceptions.ProtocolError("stream"),
    docker.errors.DockerException("sdk"),
)


@pytest.mark.parametrize("error", SILENCE, ids=lambda error: type(error).__name__)
def test_every_kind_of_silence_is_one_error_with_advice(error: Exception) -> None:
    with pytest.raises(HostError, match="did not answer while working") as caught, working():
        raise error
    assert caught.value.temporary
    assert "sweep" in caught.value.advice


def test_a_refusal_is_quoted() -> None:
    with pytest.raises(HostError, match="failed while working: no space") as caught, working():
        raise api_error(500, "no space left on device")
    assert "Free space" in caught.value.advice


def test_other_errors_are_not_the_engines() -> None:
    with pytest.raises(ZeroDivisionError), working():
        raise ZeroDivisionError


def test_the_reason_is_what_the_system_said_at_the_bottom() -> None:
    wrapped = requests.exceptions.ConnectionError(
        urllib3.exceptions.ProtocolError("Connection aborted.", FileNotFoundError(2, "words"))
    )
    assert reason(wrapped) == "No such file or directory"
    assert reason(ValueError("words alone")) == "words alone"
    circle = ValueError("round")
    circle.__cause__ = circle
    assert reason(circle) == "round"


def test_a_busy_thing_is_removed_when_it_is_free() -> None:
    answers = [api_error(409, "removal is already in progress"), api_error(404, "gone")]

    def remove() -> None:
        raise answers.pop(0)

    patiently("removing", remove)
    assert answers == []


def test_a_refused_removal_is_told_at_once() -> None:
    calls = []

    def remove() -> None:
        calls.append(1)
        raise api_error(500, "device or resource busy")

    with pytest.raises(HostError, match="resource busy"):
        patiently("removing", remove)
    assert len(calls) == 1


@pytest.mark.parametrize("words", [("build",), ("snapshots",), ("sweep",)])
def test_without_an_engine_every_command_says_what_to_do(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    missing = tmp_path / "engine.sock"
    ended = run(*words, environment={"DOCKER_HOST": f"unix://{missing}"})
    assert ended.code == 3
    assert ended.error["message"].endswith(f"{missing} (DOCKER_HOST): No such file or directory")
    assert "unset DOCKER_HOST" in ended.error["hint"]


def test_an_engine_that_ended_is_named(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as ended_engine:
        ended_engine.bind(str(path))
    ended = run("sweep", environment={"DOCKER_HOST": f"unix://{path}"})
    assert (ended.code, ended.error["message"].rpartition(": ")[2]) == (3, "Connection refused")
