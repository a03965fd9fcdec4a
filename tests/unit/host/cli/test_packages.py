"""`packages`: a lock is shown as it is, and what is none is refused with a remedy."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from builder.basics.codec import to_data
from builder.formats.added_packages import lock_text
from builder.host.cli.main import run
from tests.support.locks import LOCK, PACKAGE


@pytest.mark.parametrize("as_manifest", [False, True])
def test_a_lock_and_a_manifest_with_one_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, as_manifest: bool
) -> None:
    text = json.dumps({"packages_lock": to_data(LOCK)}) if as_manifest else lock_text(LOCK)
    (tmp_path / "lock").write_text(text)
    assert run(["packages", "show", str(tmp_path / "lock")]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "gddrescue  1:1.29-1  1.2 KiB  archive.example",
        "snapd      2.72-1  is removed",
        "Packages: 1, 1.2 KiB; newer versions among them: 0; removed: 1",
    ]


def test_what_is_replaced_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    newer = replace(LOCK, packages=(replace(PACKAGE, replaces="1:1.28-1"),))
    (tmp_path / "lock").write_text(lock_text(newer))
    assert run(["packages", "show", str(tmp_path / "lock")]) == 0
    out = capsys.readouterr().out
    assert "1:1.28-1 -> 1:1.29-1" in out
    assert "newer versions among them: 1" in out


def test_nothing_to_add_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "lock").write_text(lock_text(replace(LOCK, packages=(), phases=(), removed=())))
    assert run(["packages", "show", str(tmp_path / "lock")]) == 0
    assert capsys.readouterr().out == (
        "Nothing is to be done: what is wished for is there (gddrescue), "
        "and what is to go is not (snapd, tasksel)\n"
    )


def test_the_lock_is_in_the_result_for_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lock").write_text(lock_text(LOCK))
    assert run(["packages", "show", str(tmp_path / "lock"), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    assert data == {
        "packages": to_data(LOCK.packages),
        "removed": to_data(LOCK.removed),
        "size": 1234,
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "is no lock of packages"),
        (b"\xff", "is no lock of packages"),
        (b"[" * 100_000, "is no lock of packages"),
        (b'{"packages_lock": null}', "is no lock of packages"),
        (b'{"artefacts": []}', "is the manifest of a build that added and removed none"),
    ],
)
def test_what_is_no_lock_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "lock").write_bytes(content)
    assert run(["packages", "show", str(tmp_path / "lock")]) == 2
    assert said in capsys.readouterr().err


def test_a_lock_that_could_not_be_written_is_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["packages", "lock", "--tree", str(tmp_path), "--install", "x11"]
    assert run([*words, "--lock", str(tmp_path / "none/x")]) == 2  # and no engine is asked
    assert "it is a folder, or its folder does not exist" in capsys.readouterr().err


def test_a_lock_of_nothing_is_refused_before_an_engine_is_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["packages", "lock"]) == 2
    assert "No package is named" in capsys.readouterr().err
