"""A tree that is not as it was at the end of a build gives no result."""

import fcntl
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.basics.errors import SourceError
from builder.border import paths
from builder.border.source import SourceKind, TreePlace
from builder.inside.linux import mounts
from builder.inside.source.mounted import unchanged
from tests.support.trees import put

FROZEN = TreePlace(kind=SourceKind.CACHE, subvolume="", frozen=True)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "source"
    put(root, "etc/hostname", "ours")
    put(root, "srv/data/file", "data")
    put(root, "var/lib/dpkg/status", "Package: dpkg\n")
    monkeypatch.setattr(paths, "SOURCE", root)
    return root


def emptied(root: Path) -> None:
    for each in root.iterdir():
        shutil.rmtree(each)


def replaced(root: Path) -> None:
    root.rename(root.with_name("old"))
    shutil.copytree(root.with_name("old"), root)


CHANGES: dict[str, Callable[[Path], object]] = {
    "deleted, so that it reads as empty": emptied,
    "nothing there": shutil.rmtree,
    "another folder with the same content": replaced,
    "one name less": lambda root: shutil.rmtree(root / "srv"),
    "one name more": lambda root: (root / "new").mkdir(),
    "no packages": lambda root: (root / "var/lib/dpkg/status").unlink(),
    "other packages": lambda root: put(root, "var/lib/dpkg/status", "Package: apt\n"),
    "a file in the way of the packages": lambda root: put(
        root, (root / "var").rename(root / "etc/var").name, "a file"
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_a_frozen_tree_that_is_gone_at_the_end_is_an_error(
    source: Path, change: Callable[[Path], object]
) -> None:
    with pytest.raises(SourceError, match="deleted or changed"), unchanged(FROZEN):
        change(source)


def test_a_frozen_tree_that_stays_is_none(source: Path) -> None:
    with unchanged(FROZEN):
        (source / "etc/hostname").read_text()
    (source / "var/lib/dpkg/status").unlink()
    with unchanged(FROZEN):  # whether it is a system is checked elsewhere
        pass


def test_a_tree_that_was_never_there_is_no_result(source: Path) -> None:
    shutil.rmtree(source)
    with pytest.raises(SourceError, match="deleted or changed"), unchanged(FROZEN):
        pass


def test_an_error_of_the_build_is_not_hidden(source: Path) -> None:
    def failing() -> None:
        emptied(source)
        raise KeyError

    with pytest.raises(KeyError), unchanged(FROZEN):
        failing()


@pytest.mark.parametrize("field", ["id", "flags", "uuid", "ctransid", "no answer"])
def test_another_subvolume_in_its_place_is_noticed(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    told = bytearray(504)
    places = {"id": 0, "flags": 288, "uuid": 296, "ctransid": 344}
    look = Path.lstat

    def lstat(path: Path) -> os.stat_result:
        found = look(path)
        return os.stat_result((found.st_mode, 256, *found[2:])) if path == source else found

    def ioctl(_descriptor: int, _request: int, answer: bytearray) -> None:
        if not told:
            raise FileNotFoundError
        answer[:] = told

    table = tmp_path / "mountinfo"
    table.write_text("1 0 0:1 / / ro - btrfs none ro\n")
    monkeypatch.setattr(mounts, "_MOUNTINFO", table)
    monkeypatch.setattr(Path, "lstat", lstat)
    monkeypatch.setattr(fcntl, "ioctl", ioctl)

    def change() -> None:
        if field == "no answer":
            told.clear()
        else:
            struct.pack_into("=Q", told, places[field], 1)

    with unchanged(FROZEN):
        pass
    with pytest.raises(SourceError, match="deleted or changed"), unchanged(FROZEN):
        change()
