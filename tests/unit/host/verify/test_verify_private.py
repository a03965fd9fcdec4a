"""Whether a private file belongs to an ISO, and that published results need none."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from builder.host.cli import main
from builder.host.command_line.surroundings import Surroundings
from tests.support.fake_engine import without_engine
from tests.support.results import (
    PRIVATE,
    as_json,
    format_one_data,
    private_data,
    private_identity,
    write_manifest,
    write_results,
)

RECORD: dict[str, Any] = {
    "settings": {"exclude": ["/srv/acme"]},
    "changes": [{"path": "/etc/acme", "change": "removed", "rule": "vpn"}],
    "findings": [{"path": "/opt/acme", "rule": "private-key", "where": "system"}],
}
COUNTS: dict[str, Any] = {
    "changes": [{"rule": "vpn", "change": "removed", "count": 1}],
    "findings": [{"rule": "private-key", "count": 1}],
}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return write_results(tmp_path / "iso", private=private_identity(RECORD), **COUNTS)


def told(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    capsys.readouterr()
    surroundings = Surroundings(open_engine=without_engine)
    code = main.run(["verify", *map(str, words)], surroundings=surroundings)
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out + err


def test_published_results_need_none_and_nobody_asks_for_it(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = told(capsys, results)
    assert (code, "private" in text) == (0, False)


def test_the_one_beside_the_iso_belongs_to_it(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (results / PRIVATE).write_bytes(as_json(private_data(**RECORD)))
    code, text = told(capsys, results)
    assert code == 0
    assert "✔ private: the private file belongs to this ISO; keep it to yourself" in text


def test_it_can_be_elsewhere(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.json"
    mine.write_bytes(as_json(private_data(**RECORD)))
    code, text = told(capsys, results, "--private", mine)
    assert (code, "✔ private: " in text) == (0, True)
    code, text = told(capsys, results, "--private", tmp_path / "nowhere")
    assert (code, "There is no private file at" in text) == (2, True)


def edited(change: Callable[[dict[str, Any]], object]) -> bytes:
    data = json.loads(as_json(private_data(**RECORD)))
    change(data)
    return as_json(data)


OTHERS: dict[str, tuple[bytes, str]] = {
    "of another build": (as_json(private_data()), "does not belong to this ISO"),
    "with another path": (
        edited(lambda data: data["record"]["changes"][0].update(path="/etc/other")),
        "does not belong to this ISO",
    ),
    "with another pattern": (
        edited(lambda data: data["record"]["settings"].update(exclude=["/srv/other"])),
        "does not belong to this ISO",
    ),
    "with one more pattern": (
        edited(lambda data: data["record"]["settings"]["exclude"].append("/x")),
        "does not belong to this ISO",
    ),
    "with another key": (
        edited(lambda data: data.update(key="6" * 64)), "does not belong to this ISO",
    ),
    "without a key": (edited(lambda data: data.update(key="")), "does not belong to this ISO"),
    "with a key that is none": (edited(lambda data: data.update(key="x" * 64)), '"key" is not'),
    "with half a key": (edited(lambda data: data.update(key="5" * 63)), '"key" is not what'),
    "of a newer format": (edited(lambda data: data.update(format=2)), "is not a private file"),
    "of a true format": (edited(lambda data: data.update(format=True)), "is not a private file"),
    "with a list for a path": (
        edited(lambda data: data["left_out"][0].update(path=[])), "left_out[0].path: expected",
    ),
    "that is a list": (b"[]", "is not a private file"),
    "that is cut off": (as_json(private_data())[:-9], "is not JSON"),
    "nested": (b"[" * 9000, "nested too deeply"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "reason"), OTHERS.values(), ids=OTHERS.keys())
def test_one_that_is_not_the_builds_own_is_noticed(
    results: Path, content: bytes, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (results / PRIVATE).write_bytes(content)
    code, text = told(capsys, results)
    assert code == 6
    assert "✘ private: " in text
    assert reason in text
    assert "acme" not in text


def test_a_link_or_a_pipe_is_no_private_file(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (results / PRIVATE).symlink_to("/etc/passwd")
    assert "is a symbolic link" in told(capsys, results)[1]


def test_one_of_another_user_says_nothing_about_the_results(
    results: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (results / PRIVATE).write_bytes(as_json(private_data(**RECORD)))
    real = os.open

    def refusing(path: Any, *rest: Any, **options: Any) -> int:
        if path == PRIVATE:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, *rest, **options)

    monkeypatch.setattr(os, "open", refusing)
    code, text = told(capsys, results)
    assert (code, "- private: only its owner can read the private file" in text) == (0, True)


def test_without_a_digest_in_the_manifest_only_the_counts_are_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    identity = private_identity(RECORD) | {"digest": None}
    results = write_results(tmp_path / "iso", private=identity, **COUNTS)
    data = private_data(**RECORD) | {"key": ""}
    (results / PRIVATE).write_bytes(as_json(data))
    code, text = told(capsys, results)
    assert (code, "- private: the private file fits this ISO" in text) == (0, True)
    data["record"]["changes"] = []
    (results / PRIVATE).write_bytes(as_json(data))
    assert told(capsys, results)[0] == 6


def test_a_manifest_of_format_1_has_no_private_file(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_manifest(results, as_json(format_one_data()))
    (results / PRIVATE).write_bytes(as_json(private_data()))
    text = told(capsys, results)[1]
    assert "- private: the manifest says nothing about a private file" in text
    assert "✔ manifest: " in text
