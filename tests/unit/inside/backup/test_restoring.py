"""What is restored is found in the snapshot's own tree, and goes into an empty folder alone."""

from pathlib import Path

import pytest

from builder.basics.errors import HostError, SourceError, UsageError
from builder.border.backups import FolderIdentity, RestoreRequest
from builder.inside.backup import restoring as module
from builder.inside.backup.restoring import found_paths, restore
from builder.inside.backup.system import BOOT_ID
from builder.inside.tree.tree import Tree
from tests.support.systems import RecordingSystem
from tests.support.trees import make_system, put


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A system with a link that leads out of it, and a name with a star."""
    root = make_system(tmp_path / "system")
    for name in ("a.conf", "b.conf", "c.txt", "star*"):
        put(root, f"etc/app/{name}")
    (root / "etc/outside").symlink_to("/../../secret")
    (root / "etc/loop").symlink_to("loop")
    put(tmp_path, "secret")
    return Tree(root)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (("/etc/app/a.conf",), ("etc/app/a.conf",)),
        (("etc/app/*.conf", "/etc/app/a.conf"), ("etc/app/a.conf", "etc/app/b.conf")),
        (("/etc/a*/[bc].*",), ("etc/app/b.conf", "etc/app/c.txt")),
        (("/etc/app/star*",), ("etc/app/star*",)),  # it is a name
        (("/bin/sh",), ("usr/bin/sh",)),  # where it really is
        (("/bin",), ("bin",)),  # the link itself
        (("/etc/outside",), ("etc/outside",)),
        (("/etc/app/../app//c.txt",), ("etc/app/c.txt",)),
        ((), ()),
        (("/", "/etc"), ()),
    ],
)
def test_paths_are_found_as_a_shell_does(
    tree: Tree, wanted: tuple[str, ...], found: tuple[str, ...]
) -> None:
    assert found_paths(tree, wanted) == found


@pytest.mark.parametrize(
    "path",
    ["/etc/none", "/etc/*.none", "/none/*", "/etc/outside/x", "/etc/loop/*", "/etc/loop/*/x"],
)
def test_what_is_not_there_is_said(tree: Tree, path: str) -> None:
    with pytest.raises(SourceError, match="is not in the snapshot"):
        found_paths(tree, (path,))


def request(target: Path, *, boot: str = "") -> RestoreRequest:
    status = target.stat()
    folder = FolderIdentity(
        boot=boot or BOOT_ID.read_text().strip(), device=status.st_dev, inode=status.st_ino
    )
    return RestoreRequest(folder=folder, paths=())


def test_nothing_is_written_over(tree: Tree, tmp_path: Path) -> None:
    put(tmp_path, "target/mine")
    system = RecordingSystem()
    with pytest.raises(UsageError, match="not empty"):
        restore(
            request(tmp_path / "target"),
            system=system,
            source=tree.root,
            target=tmp_path / "target",
        )
    assert system.commands == []


def test_a_folder_that_cannot_keep_owners_is_refused(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "filesystem_at", lambda _path: "vfat")
    (tmp_path / "target").mkdir()
    with pytest.raises(UsageError, match="vfat file system does not keep owners"):
        restore(
            request(tmp_path / "target"), system=RecordingSystem(), source=tree.root,
            target=tmp_path / "target",
        )  # fmt: skip


def test_a_folder_of_another_machine_is_refused(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    with pytest.raises(HostError, match="another machine"):
        restore(
            request(tmp_path / "target", boot="x"), system=RecordingSystem(), source=tree.root,
            target=tmp_path / "target",
        )  # fmt: skip
