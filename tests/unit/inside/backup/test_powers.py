"""Files that give rights are found wherever they are, and nothing else is taken for one."""

import os
import stat
from pathlib import Path

import pytest

from builder.inside.backup.powers import is_powerful, powerful_paths
from tests.support.trees import put


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, mode in (
        ("usr/bin/su", 0o4755), ("usr/bin/write", 0o2755), ("usr/bin/ls", 0o755),
        ("home/alice/letter.odt", 0o4644), ("etc/locked", 0o2644), (".snapshots/1/su", 0o4755),
    ):  # fmt: skip
        put(tmp_path, name).chmod(mode)
    (tmp_path / "var/mail").mkdir(parents=True)
    (tmp_path / "var/mail").chmod(0o2775)
    (tmp_path / "bin").symlink_to("usr/bin")
    os.mkfifo(tmp_path / "var/pipe")
    return tmp_path


def test_programs_with_rights_are_found_in_all_of_a_tree_but_its_snapshots(tree: Path) -> None:
    assert [*powerful_paths(tree, ())] == [
        "/home/alice/letter.odt", "/usr/bin/su", "/usr/bin/write",
    ]  # fmt: skip


def test_below_chosen_paths_alone(tree: Path) -> None:
    assert [*powerful_paths(tree, ("home", "etc/locked"))] == ["/home/alice/letter.odt"]
    assert [*powerful_paths(tree, ("usr/bin/su", "bin"))] == ["/usr/bin/su"]  # not through a link


@pytest.mark.parametrize(
    ("mode", "device", "expected"),
    [
        (stat.S_IFBLK | 0o660, os.makedev(8, 0), True),
        (stat.S_IFCHR | 0o666, os.makedev(1, 1), True),
        (stat.S_IFCHR, 0, False),  # a whiteout
        (stat.S_IFIFO | 0o4755, 0, False),
        (stat.S_IFDIR | 0o6755, 0, False),
        (stat.S_IFREG | 0o2644, 0, False),  # no program, but mandatory locking
    ],
)
def test_what_gives_rights(tree: Path, mode: int, device: int, expected: bool) -> None:
    status = Status(mode, device)
    assert is_powerful(os.fsencode(tree / "usr/bin/ls"), status) is expected  # type: ignore[arg-type]


class Status:
    """What lstat says of a device that only root could make."""

    def __init__(self, mode: int, device: int) -> None:
        self.st_mode, self.st_rdev = mode, device


def test_capabilities_give_rights(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "listxattr", lambda _path, **_how: ["security.capability"])
    assert "/usr/bin/ls" in powerful_paths(tree, ("usr",))
    assert [*powerful_paths(tree, ("etc",))] == []  # of a file that is no program
