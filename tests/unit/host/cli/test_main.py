"""The last door: what went wrong, told to people and to programs."""

import json
from collections.abc import Iterator

import click
import pytest

from builder.host.cli.main import run
from builder.host.cli.root import cli

WIDE = 80  # columns


def groups(group: click.Group, *words: str) -> Iterator[tuple[click.Group, tuple[str, ...]]]:
    yield group, words
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from groups(command, *words, name)


@pytest.mark.parametrize(
    ("group", "words"), [pytest.param(*each, id=" ".join(each[1])) for each in groups(cli)]
)
def test_what_a_command_does_is_said_in_one_whole_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    group: click.Group,
    words: tuple[str, ...],
) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDE))
    assert run([*words, "--help"]) == 0
    said = [line.split() for line in capsys.readouterr().out.splitlines()]
    for name, command in group.commands.items():
        assert command.help is not None
        summary = command.help.split("\n\n")[0]
        assert [name, *summary.split()] in said


def test_a_program_hears_of_a_wrong_option_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["build", "--frobnicate", "--json"]) == 2
    output = capsys.readouterr()
    (line,) = output.out.splitlines()
    event = json.loads(line)
    assert event["event"] == "failed"
    assert event["error"]["exit_code"] == 2
    assert "--frobnicate" in event["error"]["message"]
    assert "Usage:" in output.err


def test_people_see_the_usage_and_nothing_on_standard_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["build", "--frobnicate"]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert "Usage:" in output.err
