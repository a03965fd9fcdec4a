"""Where reports and pictures cannot be written is known before the work that makes them."""

import os
from pathlib import Path

import pytest

from builder.basics.errors import HostError, UsageError
from builder.host.cli.main import run
from builder.host.report.outputs import STANDARD_OUTPUT, check_outputs


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that cannot be written, as on a read-only file system; root may write anywhere."""
    folder = tmp_path / "my disc"
    folder.mkdir()
    (folder / "old.png").touch()
    monkeypatch.setattr(
        os, "access", lambda path, *_mode, **_how: folder not in (path, path.parent)
    )
    return folder


@pytest.mark.parametrize("name", ["new.png", "old.png"])
def test_a_place_that_cannot_be_written_is_refused(closed: Path, name: str) -> None:
    with pytest.raises(HostError, match=f"{name} cannot be written: you may not, or its") as caught:
        check_outputs([closed / name], as_json=False)
    assert f"`findmnt --target '{closed}'`" in caught.value.advice


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none/x.png"):
        with pytest.raises(UsageError, match="it is a folder, or its folder does not exist"):
            check_outputs([path], as_json=False)


def test_what_can_be_written_is_taken(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("later")
    check_outputs([STANDARD_OUTPUT, tmp_path / "new", tmp_path / "link"], as_json=False)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "command",
    [
        ("boot-test", "x.iso", "--screenshot"),
        ("privacy", "--html"),
        ("diff", "1", "2", "--markdown"),
    ],
)
def test_no_engine_is_asked_for_what_cannot_be_written(
    closed: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    assert run([*command, str(closed / "new.png")]) == 3
    assert "cannot be written: you may not" in capsys.readouterr().err
