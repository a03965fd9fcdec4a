"""Which engine the command line asks for, wherever the words stand."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import pytest

from builder.host.cli.main import run
from builder.host.cli.root import cli
from tests.support.answering import PODMAN, engine, http, listening

WITHOUT = {"sign", "completion", "installer check", "packages show", "stick"}  # need none


def failed(capsys: pytest.CaptureFixture[str], words: Sequence[str]) -> tuple[int, str, str]:
    code = run([*words, "--json"])
    error = json.loads(capsys.readouterr().out.splitlines()[-1])["error"]
    return code, error["message"].format(**error["values"]), error["hint"].format(**error["values"])


@pytest.mark.parametrize(
    "words",
    [
        ("--engine", "{url}", "block-cache", "show"),
        ("block-cache", "show", "--engine", "{url}"),
        ("--engine", "podman", "block-cache", "show", "--engine={url}"),
    ],
)
def test_an_engine_may_be_named_before_and_after_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: Sequence[str]
) -> None:
    with listening(tmp_path / "s", http(b"It works!")) as url:
        code, message, _hint = failed(capsys, [word.format(url=url) for word in words])
    said = f"What answers at {url} (--engine) is not a container engine"
    assert (code, message[: len(said)]) == (3, said)


def test_the_command_line_is_stronger_than_the_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/not")
    _code, message, _hint = failed(capsys, ["sweep", "--engine", f"unix://{tmp_path}/this"])
    assert f"unix://{tmp_path}/this" in message


def test_the_product_that_was_asked_for_has_to_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(tmp_path / "s", engine(PODMAN)) as url:
        monkeypatch.setenv("DOCKER_HOST", url)
        code, message, hint = failed(capsys, ["--engine", "docker", "sweep"])
    assert (code, message.endswith("is Podman, not Docker")) == (3, True)
    assert "--engine" in hint


@pytest.mark.parametrize(
    "words",
    [
        ("--engine", "docker", "sweep", "--context", "x"),
        ("sweep", "--engine", "docker", "--context", "x"),
        ("sweep", "--engine="),
        ("sweep", "--context", ""),
        ("sweep", "--engine", "qemu"),
        ("sweep", "--context", "no-such-context"),
    ],
)
def test_what_cannot_be_meant_is_a_wrong_command_line(
    capsys: pytest.CaptureFixture[str], words: Sequence[str]
) -> None:
    assert failed(capsys, words)[0] == 2


def test_every_command_that_needs_an_engine_takes_the_options() -> None:
    def leaves(group: click.Group, above: str = "") -> Iterator[tuple[str, click.Command]]:
        for name, each in group.commands.items():
            if isinstance(each, click.Group):
                yield from leaves(each, f"{name} ")
            else:
                yield f"{above}{name}", each

    for name, command in leaves(cli):
        has = {option for each in command.params for option in each.opts}
        assert ({"--engine", "--context"} <= has) is (name not in WITHOUT), name
