"""What `--archive` names: sorted into folders and URLs, and believed only as far as the lock."""

import hashlib
import os
from pathlib import Path

import pytest

from builder.basics.errors import HostError, UsageError
from builder.border.events import Event, Note
from builder.host.cli.main import run
from builder.host.image import package_archive
from builder.host.image.lock import parse_lock
from builder.host.image.package_archive import Archives, PackageHashError, archives_of

_CONTENT = {"rsync": b"deb of rsync", "squashfs-tools": b"deb of squashfs-tools"}
_SUMS = {name: hashlib.sha256(content).hexdigest() for name, content in _CONTENT.items()}
_LOCK = parse_lock(
    f"""\
date 2026-09-18
package tools rsync 3.5.0+ds1-0 amd64 {_SUMS["rsync"]}
package tools squashfs-tools 1:4.6.1-1 amd64 {_SUMS["squashfs-tools"]}
"""
)


@pytest.fixture(autouse=True)
def small_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock of two packages."""
    monkeypatch.setattr(package_archive, "builder_lock", lambda: _LOCK)


def ignore(_event: Event) -> None:
    """An event that nobody waits for."""


def test_folders_and_urls_are_told_apart(tmp_path: Path) -> None:
    urls = ("http://archive.example:8080/debian/20260918T000000Z/", "https://a.example/d~1")
    sorted_out = archives_of([urls[0], str(tmp_path), urls[1]])
    assert sorted_out == Archives(folders=(tmp_path,), urls=urls)
    assert archives_of([]) == Archives()


@pytest.mark.parametrize(
    "source",
    [
        "http://a.example/x trixie main\ndeb http://b.example",
        "http://a.example/x [trusted=yes]",
        "http://a.example/$(reboot)",
        "http://a.example/x;reboot",
        "http://",
        "http://-oDebug::pkgProblemResolver=1",
        "file:///srv",
        "ftp://a.example",
        "cdrom:x",
        "/absent/folder",
        "",
    ],
)
def test_what_is_neither_is_refused(source: str) -> None:
    with pytest.raises(UsageError, match="no package archive"):
        archives_of([source])


def test_packages_are_found_under_both_names_and_in_any_folder_below(tmp_path: Path) -> None:
    pool = tmp_path / "pool/main/s"
    pool.mkdir(parents=True)
    (pool / "squashfs-tools_4.6.1-1_amd64.deb").write_bytes(_CONTENT["squashfs-tools"])
    (tmp_path / "rsync_3.5.0+ds1-0_amd64.deb").write_bytes(_CONTENT["rsync"])
    (tmp_path / "rsync_3.4.0-1_amd64.deb").write_bytes(b"another version")
    notes: list[Event] = []
    found = Archives(folders=(tmp_path,)).packages(on_event=notes.append)
    assert found == {f"archive/{_SUMS[name]}.deb": _CONTENT[name] for name in _CONTENT}
    (note,) = notes
    assert isinstance(note, Note)
    assert (note.values["count"], note.values["total"]) == ("2", "2")


def test_one_folder_completes_another(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
    (one / "squashfs-tools_1%3a4.6.1-1_amd64.deb").write_bytes(_CONTENT["squashfs-tools"])
    (other / "rsync_3.5.0+ds1-0_amd64.deb").write_bytes(_CONTENT["rsync"])
    assert len(Archives(folders=(one, other)).packages(on_event=ignore)) == 2


def test_a_file_with_a_locked_name_and_another_content_stops_everything(tmp_path: Path) -> None:
    path = tmp_path / "rsync_3.5.0+ds1-0_amd64.deb"
    path.write_bytes(_CONTENT["rsync"] + b"\0")
    with pytest.raises(PackageHashError, match=r"rsync=3\.5\.0\+ds1-0") as caught:
        Archives(folders=(tmp_path,)).packages(on_event=ignore)
    assert str(path) in str(caught.value)
    assert _SUMS["rsync"] in str(caught.value)


def test_a_folder_or_a_pipe_with_a_locked_name_is_no_package(tmp_path: Path) -> None:
    (tmp_path / "rsync_3.5.0+ds1-0_amd64.deb").mkdir()
    assert Archives(folders=(tmp_path,)).packages(on_event=ignore) == {}


def test_a_package_that_cannot_be_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rsync_3.5.0+ds1-0_amd64.deb"
    path.write_bytes(b"")

    def refuse(*_words: object, **_named: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(HostError, match="cannot be read: Permission denied"):
        Archives(folders=(tmp_path,)).packages(on_event=ignore)


@pytest.mark.parametrize(
    "options",
    [["--archive", "/absent/folder"], ["--archive", "http://a.example", "--unlocked"]],
)
def test_an_archive_that_cannot_serve_is_a_wrong_option(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["image", "build", *options]) == 2
    assert "archive" in capsys.readouterr().err
