"""The last door: what went wrong, told to people and to programs."""

import json

import pytest

from builder.host.cli.main import run


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
