"""Only regular files are opened, and nothing else in their place is ever waited for."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builder.basics.regular import (
    NotRegularError,
    emptied_regular,
    open_regular,
    read_start,
    read_whole,
)


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Whoever waits is woken by SIGALRM, which ends the test."""
    signal.alarm(5)
    yield
    signal.alarm(0)


def in_place(path: Path, kind: str) -> Path:
    """Put something that is no regular file at `path`."""
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "link to a pipe":
            os.mkfifo(path.with_name("other"))
            path.symlink_to("other")
        case _:
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(os.fspath(path))
    return path


KINDS = ["pipe", "folder", "link to a pipe", "socket"]
OPENERS: dict[str, Callable[[Path], object]] = {
    "read": open_regular,
    "read through links": lambda path: open_regular(path, follow=True),
    "written": lambda path: emptied_regular(path, mode=0o644),
}


@pytest.mark.parametrize("opened", OPENERS.values(), ids=list(OPENERS))
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_regular_file_is_refused_at_once(
    tmp_path: Path, kind: str, opened: Callable[[Path], object]
) -> None:
    path = in_place(tmp_path / "place", kind)
    with pytest.raises(NotRegularError, match="not a regular file"):
        opened(path)


@pytest.mark.parametrize("opened", [*OPENERS.values()][:2], ids=[*OPENERS][:2])
def test_a_pipe_that_comes_after_the_look_is_not_waited_for_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: Callable[[Path], object]
) -> None:
    path = tmp_path / "place"
    path.touch()
    look = os.stat

    def swapped(*words: object, **named: object) -> os.stat_result:
        monkeypatch.undo()
        found = look(path)
        path.unlink()
        os.mkfifo(path)
        return found

    monkeypatch.setattr(os, "stat", swapped)
    with pytest.raises(NotRegularError, match="not a regular file"):
        opened(path)


def test_a_link_is_followed_only_where_that_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    assert read_start(tmp_path / "link", limit=3, follow=True) == (b"con", False)
    with pytest.raises(NotRegularError) as error:
        read_whole(tmp_path / "link", limit=10)
    assert error.value.is_link
    with pytest.raises(NotRegularError) as error:
        emptied_regular(tmp_path / "link", mode=0o644)
    assert error.value.is_link
    assert (tmp_path / "file").read_bytes() == b"content"


def test_a_file_is_made_or_emptied_for_writing(tmp_path: Path) -> None:
    for before in (None, b"more than that"):
        if before is not None:
            (tmp_path / "log").write_bytes(before)
        with os.fdopen(emptied_regular(tmp_path / "log", mode=0o644), "wb") as file:
            file.write(b"new")
        assert (tmp_path / "log").read_bytes() == b"new"
