"""`diff` says clearly what it cannot compare, before it asks an engine for anything."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.basics.errors import UsageError, VerificationError
from builder.host.cli import main
from builder.host.command_line.surroundings import Surroundings
from builder.host.diff.sides import CacheSnapshot, VerifiedIso, operand_of
from builder.host.engine import OpenEngine
from tests.support.comparisons import package
from tests.support.fake_engine import NO_ENGINE, FakeEngine, without_engine
from tests.support.listing import listing_engine
from tests.support.reports import cache_report, candidate
from tests.support.results import (
    CONTENT,
    ISO,
    MANIFEST,
    PRIVATE,
    SUMS,
    as_json,
    digest,
    flip_bit,
    manifest_data,
    private_data,
    private_identity,
    write_manifest,
    write_results,
)


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Be in an empty folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return write_results(tmp_path / "iso")


def told(
    capsys: pytest.CaptureFixture[str],
    *arguments: object,
    open_engine: OpenEngine = without_engine,
) -> tuple[int, str]:
    capsys.readouterr()
    surroundings = Surroundings(open_engine=open_engine)
    code = main.run(["diff", *map(str, arguments)], surroundings=surroundings)
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert "defect" not in out + err
    return code, out + err


def ignored(_event: object) -> None:
    """An event that nobody waits for."""


@pytest.mark.parametrize(
    "text", ["3", "latest", "cache", "2026-06-17", "@2026-06-17_14:30", "2026-06-17 14:30"]
)
def test_what_has_the_form_of_a_selector_is_a_snapshot(text: str) -> None:
    assert operand_of(text, on_event=ignored) == CacheSnapshot(selector=text)


def test_a_folder_and_an_iso_in_it_are_the_same_results(results: Path) -> None:
    by_folder, by_iso = (
        operand_of(str(each), on_event=ignored) for each in (results, results / ISO)
    )
    assert by_folder == by_iso
    assert isinstance(by_folder, VerifiedIso)
    assert (by_folder.iso, by_folder.sha256) == (results / ISO, digest(CONTENT))


@pytest.mark.parametrize("name", ["3", "latest", "2026-06-17"])
def test_a_name_that_is_both_is_refused_and_the_path_can_be_written_in_full(
    results: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    results.rename(results.with_name(name))
    code, text = told(capsys, name, "2")
    assert code == 2
    assert "the name of a file or folder here" in text
    assert f"Write ./{name}" in text
    assert isinstance(operand_of(f"./{name}", on_event=ignored), VerifiedIso)


@pytest.mark.parametrize("text", ["", "nowhere", "no/where", "7.5", "x" * 5000, "\x1b[31m", "-"])
def test_what_is_neither_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = told(capsys, "--", "3", text)
    assert code == 2
    assert "\x1b" not in said


def test_results_that_are_whole_go_on_to_the_engine(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = told(capsys, results, results)
    assert (code, NO_ENGINE in text) == (3, True)


def impossible_recipe(folder: Path) -> None:
    private = private_data(settings={"exclude": ["../x"]})
    write_results(folder, private=private_identity(private["record"]))
    (folder / PRIVATE).write_bytes(as_json(private))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda folder: flip_bit(folder / ISO, 99), "is not the file that SHA256SUMS lists"),
        (lambda folder: (folder / SUMS).unlink(), "SHA256SUMS is missing"),
        (lambda folder: (folder / MANIFEST).unlink(), "is missing"),
        (lambda folder: (folder / ISO).unlink(), "is missing"),
        (lambda folder: write_manifest(folder, b"{"), "is not JSON"),
        (lambda folder: write_manifest(folder, b"[" * 9000), "nested too deeply"),
        (
            lambda folder: write_manifest(folder, json.dumps(manifest_data(format=3)).encode()),
            "newer version",
        ),
        (impossible_recipe, "The build has a pattern that no configuration can have"),
        (shutil.rmtree, "is neither a file or folder nor"),
        (lambda folder: (folder / ISO).write_bytes(b"other"), "failed verification"),
        (lambda folder: (folder / ISO).replace(folder / "x"), "is missing"),
    ],
)
def test_results_that_are_not_what_their_builder_made_are_not_compared(
    results: Path,
    spoil: Callable[[Path], object],
    reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spoil(results)
    for words in ((results, "3"), ("3", results), (results, results, "--json")):
        code, text = told(capsys, *words)
        assert code in (2, 6)
        assert reason in text
        assert NO_ENGINE not in text


def test_an_empty_folder_and_a_plain_file_are_no_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("words")
    for name in ("empty", "file"):
        code, text = told(capsys, name, "3")
        assert (code, "SHA256SUMS is missing" in text) == (6, True)


@pytest.mark.parametrize(
    "words",
    [
        ["--json", "--html", "-"],
        ["--markdown", "-", "--html", "-"],
        ["--html", "."],
        ["--markdown", "no/where.md"],
        ["--cache", ".", "--cache-image", "x"],
    ],
)
def test_impossible_outputs_are_known_before_anything_is_read(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = told(capsys, "2", "3", *words)
    assert code == 2
    assert NO_ENGINE not in text


def lists() -> FakeEngine:
    """Open an engine that lists two small trees."""
    report = cache_report(candidate("2"), candidate("3"), candidate("cache"))
    return listing_engine(report, trees={"2": [], "3": [package("bc", "1")]})


def test_each_form_goes_where_it_is_asked_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = told(capsys, "2", "3", "--html", "x.html", "--markdown", "x.md", open_engine=lists)
    assert (code, "\n2 → 3\n" in f"\n{text}") == (0, True)
    assert (tmp_path / "x.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert (tmp_path / "x.md").read_text("utf-8").startswith("# `2 → 3`")
    code, text = told(capsys, "2", "3", "--markdown", "-", "--html", "x.html", open_engine=lists)
    assert (code, text.startswith((tmp_path / "x.md").read_text("utf-8"))) == (0, True)
    code, text = told(capsys, "2", "3", "--json", "--html", "x.html", open_engine=lists)
    result = json.loads(text.splitlines()[-1])
    assert (code, result["event"], result["data"]["same"]) == (0, "result", False)
    assert result["data"]["packages"]["added"][0]["name"] == "bc"


def test_a_file_that_cannot_be_written_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = told(capsys, "2", "3", "--html", "/dev/full", open_engine=lists)
    assert (code, "No space left" in text) == (3, True)


def test_errors_are_those_of_the_tree() -> None:
    with pytest.raises(UsageError, match="neither a file or folder nor a snapshot"):
        operand_of("nowhere", on_event=ignored)
    with pytest.raises(VerificationError, match="SHA256SUMS is missing"):
        operand_of(".", on_event=ignored)
