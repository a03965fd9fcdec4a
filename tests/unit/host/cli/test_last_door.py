"""Whatever goes wrong, the command ends with words and a documented exit code."""

import json
import tomllib
from email.message import Message
from importlib import metadata
from pathlib import Path

import click
import pytest

from builder.basics.errors import DefectError, StepError, error_from_data
from builder.host.cli import main
from builder.host.display import defects

ADDRESS = "https://issues.example/distroclone-builder"
PUBLISHED = Message()
PUBLISHED["Project-URL"] = f"Issues, {ADDRESS}"


def failing(error: BaseException) -> click.Command:
    @click.command()
    @click.option("--json", "as_json", is_flag=True)
    def command(*, as_json: bool) -> None:
        raise error

    return command


def ended(error: BaseException, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(main, "cli", failing(error))
    return main.run([*arguments])


def test_an_error_of_ours_is_told_with_its_notes_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = StepError("Wrong: {what}", hint="Do {what} better", what="this")
    error.add_note("Cleanup failed: that")
    error.add_note("Cleanup failed: that")
    assert ended(error, monkeypatch) == 5
    told = capsys.readouterr().err
    assert told.startswith("Error: Wrong: this\n")
    assert "What to do: Do this better" in told
    assert told.count("Cleanup failed: that") == 1


def test_with_json_the_last_line_is_the_error_and_its_notes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = StepError("Wrong")
    error.add_note("Cleanup failed: that")
    assert ended(error, monkeypatch, "--json") == 5
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["error"]["exit_code"], last["error"]["notes"]) == (5, ["Cleanup failed: that"])


def test_with_json_a_wrong_command_line_says_where_the_right_one_is_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main.run(["backup", "status", "--jsno", "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["message"].startswith("No such option '--jsno'")
    assert error["hint"] == "`distroclone-builder backup status --help` shows how it is used."


@pytest.mark.parametrize(
    "words",
    [
        ("build", "--output", ""),
        ("build", "--config", ""),
        ("snapshots", "--cache", ""),
        ("verify", ""),
        ("boot-test", ""),
        ("installer", "check", ""),
        ("stick", "x.iso", ""),
    ],
)
def test_an_empty_path_is_not_the_current_folder(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert main.run([*words]) == 2
    assert ": it is empty" in capsys.readouterr().err


def test_a_defect_of_ours_is_told_as_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(ZeroDivisionError("by {nothing}"), monkeypatch) == 70
    told = capsys.readouterr().err
    assert told.startswith("Error: Unexpected error: ZeroDivisionError: by {nothing}\n")
    assert "This is a bug in distroclone-builder" in told
    assert defects.plea() in told
    assert "test_last_door.py" in told


def test_a_defect_in_a_container_is_one_here_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inside = DefectError.of(ZeroDivisionError("inside")).to_data()
    assert ended(error_from_data(inside), monkeypatch) == 70
    assert "Please report it" in capsys.readouterr().err


def test_the_address_of_who_published_the_program_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metadata, "metadata", lambda _package: PUBLISHED)
    assert defects.plea() == f"Please report it, with the log and the lines above: {ADDRESS}"


def test_a_program_that_was_never_installed_names_no_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(defects, "_PACKAGE", "a-package-that-is-not-there")
    assert defects.plea().endswith("the lines above, to whoever gave you this program.")


def test_without_an_address_whoever_gave_the_program_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metadata, "metadata", lambda _package: Message())
    assert defects.plea().endswith("the lines above, to whoever gave you this program.")


def test_no_address_that_leads_nowhere_is_published() -> None:
    text = (Path(__file__).parents[4] / "pyproject.toml").read_text()
    urls = tomllib.loads(text)["project"].get("urls", {})
    assert not [url for url in urls.values() if ".example" in url]


def test_a_reader_that_went_away_is_no_error_to_tell(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.dup2", lambda *_descriptors: None)
    assert ended(BrokenPipeError(32, "Broken pipe"), monkeypatch) == 130
    assert capfd.readouterr().err == ""
