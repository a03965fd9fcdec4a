"""What goes wrong with a medium is told with what to do."""

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from builder.basics.errors import BuilderError, HostError, UsageError
from builder.host.stick.disks import Disk
from builder.host.stick.target import Target, opened_target


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    """A target whose descriptor can be exchanged."""
    path = tmp_path / "stick.img"
    path.write_bytes(bytes(4096))
    with opened_target(path, allow_fixed=False, new_size=None) as found:
        yield found


def exchanged(target: Target, path: Path | str, flags: int) -> Target:
    other = os.open(path, flags)
    os.dup2(other, target.descriptor)
    os.close(other)
    return target


def test_what_was_written_is_read(target: Target) -> None:
    target.write_at(4090, b"123456")
    target.settle()
    assert target.read_at(4088, 100) == b"\0\x00123456"
    assert target.reread()


def test_a_kernel_that_does_not_take_a_new_table_is_noticed(target: Target) -> None:
    disk = Disk(
        name="sdb", size=4096, sector_size=512, whole="", read_only=False, removable=True,
        bus="USB", is_cd=False, model="", serial="", parts=(), uses=(),
    )  # fmt: skip
    assert not replace(target, disk=disk).reread()  # a file knows no such order


def test_a_medium_that_cannot_be_written_is_told(target: Target) -> None:
    exchanged(target, target.path, os.O_RDONLY)
    with pytest.raises(HostError, match=r"stick\.img cannot be written at 512: ") as caught:
        target.write_at(512, b"x")
    assert "take another" in caught.value.advice


def test_a_medium_that_cannot_be_read_is_told(target: Target) -> None:
    exchanged(target, target.path, os.O_WRONLY)
    with pytest.raises(HostError, match=r"stick\.img cannot be read at 512: "):
        target.read_at(512, 1)


def test_a_medium_that_cannot_be_flushed_is_told(target: Target) -> None:
    exchanged(target, "/proc/self/stat", os.O_RDONLY)
    with pytest.raises(HostError, match=r"stick\.img does not keep what is written to it: "):
        target.settle()


def test_a_full_disk_below_a_file_is_told(target: Target) -> None:
    exchanged(target, "/dev/full", os.O_RDWR)
    with pytest.raises(HostError, match=r"There is no room for .*stick\.img"):
        target.write_at(0, b"x")


@pytest.mark.parametrize(
    ("number", "kind", "reason"),
    [
        (errno.EACCES, HostError, "may not be written by you"),
        (errno.EPERM, HostError, "may not be written by you"),
        (errno.EROFS, HostError, "lies on a file system that is mounted read-only"),
        (errno.EBUSY, HostError, "is in use by another program"),
        (errno.ENXIO, UsageError, "cannot be opened: No such device or address"),
    ],
)
def test_why_it_cannot_be_opened_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    kind: type[BuilderError],
    reason: str,
) -> None:
    path = tmp_path / "stick.img"
    path.touch()

    def fail(*_words: object, **_more: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", fail)
    with (
        pytest.raises(kind, match=f"stick.img {reason}"),
        opened_target(path, allow_fixed=False, new_size=None),
    ):
        pass


@pytest.mark.parametrize(
    ("number", "kind", "reason", "advice"),
    [
        (errno.EACCES, HostError, "may not be written by you", "is for root: start the command ag"),
        (errno.EPERM, HostError, "may not be written by you", "is for root: start the command ag"),
        (errno.EROFS, HostError, "is write-protected", "have a switch for that"),
        (errno.ENXIO, UsageError, "cannot be opened: No such device", "`lsblk` shows which one"),
    ],
)
def test_why_a_disk_cannot_be_opened_is_told(
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    kind: type[BuilderError],
    reason: str,
    advice: str,
) -> None:
    def fail(*_words: object, **_more: object) -> os.stat_result:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "stat", fail)
    with (
        pytest.raises(kind, match=f"/dev/sdz {reason}") as caught,
        opened_target(Path("/dev/sdz"), allow_fixed=False, new_size=None),
    ):
        pass
    assert advice in caught.value.advice


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EACCES, "Give a path in a folder of your own, or have the owner of {folder}"),
        (errno.EROFS, "`findmnt --target {folder}` shows which one this"),
        (errno.ENAMETOOLONG, "Give the path of a file, in a folder that is there"),
    ],
)
def test_who_wants_a_file_is_not_sent_to_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, advice: str
) -> None:
    def fail(*_words: object, **_more: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", fail)
    with (
        pytest.raises(BuilderError, match="new") as caught,
        opened_target(tmp_path / "new.img", allow_fixed=False, new_size=None),
    ):
        pass
    assert advice.format(folder=tmp_path) in caught.value.advice
    assert "sudo" not in caught.value.advice


def test_a_new_file_in_a_closed_folder_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_words: object, **_more: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", fail)
    with (
        pytest.raises(HostError, match="may not be written by you"),
        opened_target(tmp_path / "new.img", allow_fixed=False, new_size=None),
    ):
        pass
