"""Every change of a source that could not be frozen is noticed."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.basics.errors import SourceError
from builder.inside.source.fingerprint import fingerprint


@pytest.fixture
def root(tmp_path: Path) -> Path:
    top = tmp_path / "root"
    (top / "a/b").mkdir(parents=True)
    (top / "a/b/file").write_text("one")
    (top / "a/link").symlink_to("/nowhere")
    (top / os.fsdecode(b"odd\xff")).touch()
    (top / ".snapshots/1").mkdir(parents=True)
    return top


def test_reading_a_tree_does_not_change_its_fingerprint(root: Path) -> None:
    before = fingerprint(root)
    (root / "a/b/file").read_text()
    assert fingerprint(root) == before
    assert len(before) == 64


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "a/b/file").write_text("two"),
        lambda root: (root / "a/b/file").chmod(0o600),
        lambda root: (root / "a/b/new").touch(),
        lambda root: (root / "a/b/file").rename(root / "a/b/renamed"),
        lambda root: (root / "a/link").unlink(),
        lambda root: os.utime(root / "a", (1, 1)),
        lambda root: root.chmod(0o700),
    ],
)
def test_each_change_is_noticed(root: Path, change: Callable[[Path], object]) -> None:
    before = fingerprint(root)
    change(root)
    assert fingerprint(root) != before


@pytest.mark.parametrize("seconds", [13_569_465_600, -20_000_000_000])
def test_a_time_that_a_wrong_clock_said_is_one_like_others(root: Path, seconds: int) -> None:
    """From 2262 on, the nanoseconds since 1970 have more than 64 bits."""
    os.utime(root / "a", (seconds, seconds))
    before = fingerprint(root)
    os.utime(root / "a", (seconds - 1, seconds - 1))
    assert fingerprint(root) != before


def test_a_change_that_keeps_size_and_time_is_noticed_by_its_ctime(root: Path) -> None:
    before = fingerprint(root)
    status = (root / "a/b/file").stat()
    (root / "a/b/file").write_text("two")
    os.utime(root / "a/b/file", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert fingerprint(root) != before


def test_snapshots_beside_the_system_do_not_count(root: Path) -> None:
    before = fingerprint(root)
    (root / ".snapshots/1/new").touch()
    assert fingerprint(root) == before
    (root / "a/.snapshots").touch()
    assert fingerprint(root) != before


def test_a_source_that_is_gone_is_an_error_of_the_source(root: Path) -> None:
    with pytest.raises(SourceError, match="changed while it was being read"):
        fingerprint(root / "none")


def test_a_path_that_no_program_can_name_is_told_in_short(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    for _ in range(30):
        os.mkdir("d" * 200)  # noqa: PTH102
        os.chdir("d" * 200)
    os.chdir("/")
    with pytest.raises(SourceError, match="cannot be read: File name too long") as caught:
        fingerprint(root)
    assert len(str(caught.value)) < 300


def test_the_made_up_times_of_a_nested_subvolumes_place_do_not_count(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = (root / "a/b").stat().st_ino
    monkeypatch.setattr(
        "builder.inside.source.fingerprint.is_subvolume_stub", lambda status: status.st_ino == place
    )
    before = fingerprint(root)
    os.utime(root / "a/b", (1, 1))
    assert fingerprint(root) == before
    (root / "a/b").chmod(0o700)
    assert fingerprint(root) != before
