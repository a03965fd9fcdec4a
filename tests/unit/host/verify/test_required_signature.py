"""A signature that nobody checked is said to be so, and fails where one is required."""

import json
from pathlib import Path

import pytest

from builder.host.cli import main
from builder.host.command_line.surroundings import Surroundings
from tests.support.fake_engine import without_engine
from tests.support.keys import ssh_key
from tests.support.results import write_results

UNCHECKED = "No signature was checked, so nothing says who made these files"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return write_results(tmp_path / "iso")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return ssh_key(tmp_path / "alice")


def run(*words: object) -> int:
    surroundings = Surroundings(open_engine=without_engine)
    return main.run([str(word) for word in words], surroundings=surroundings)


@pytest.mark.parametrize("signed", [True, False])
def test_an_unchecked_signature_has_a_line_of_its_own(
    results: Path, key: Path, capsys: pytest.CaptureFixture[str], *, signed: bool
) -> None:
    if signed:
        assert run("sign", results, "--key", key) == 0
    assert run("verify", results) == 0
    assert UNCHECKED in capsys.readouterr().out
    if signed:
        assert run("verify", results, "--signed-by", f"{key}.pub") == 0
        assert UNCHECKED not in capsys.readouterr().out


@pytest.mark.parametrize("signed", [True, False])
def test_a_required_signature_that_nobody_checks_is_a_failure(
    results: Path, key: Path, capsys: pytest.CaptureFixture[str], *, signed: bool
) -> None:
    if signed:
        assert run("sign", results, "--key", key) == 0
        capsys.readouterr()
    assert run("verify", results, "--require-signature") == 6
    out = capsys.readouterr().out
    assert "✘ signature: " + ("signed" if signed else "not signed") in out
    assert ("--signed-by" in out) == signed
    assert "NOT verified" in out
    assert "Do not use it" not in out  # the files are what they claim to be


def test_a_required_signature_that_is_good_is_enough(
    results: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("verify", results, "--signed-by", f"{key}.pub", "--require-signature")
    assert run(*words) == 6
    assert "✘ signature: SHA256SUMS.sig is missing" in capsys.readouterr().out
    assert run("sign", results, "--key", key) == 0
    assert run(*words) == 0
    (results / "SHA256SUMS.sig").write_text("forged")
    assert run(*words) == 6
    assert "not accepted: it was made with another key, or is not a" in capsys.readouterr().out


def test_programs_see_that_it_failed(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("verify", results, "--require-signature", "--json") == 6
    data = json.loads(capsys.readouterr().out.splitlines()[-1])["data"]
    assert data["verified"] is False
    assert {"signature": "failed"}.items() <= {
        each["name"]: each["verdict"] for each in data["checks"]
    }.items()


def test_results_without_usable_sums_have_no_checked_signature(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (results / "SHA256SUMS").write_text("")
    assert run("verify", results, "--require-signature") == 6
    assert "✘ sums: SHA256SUMS is empty" in capsys.readouterr().out
