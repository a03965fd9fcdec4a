"""A layer holds exactly what was changed, as overlayfs expects it."""

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.basics.errors import DefectError, StepError
from builder.inside.layers.layer import Layer
from builder.inside.tree.tree import Tree
from tests.support.machines import CLOCK

OLD = 1_600_000_000


@pytest.fixture
def below(tmp_path: Path) -> Path:
    root = tmp_path / "below"
    for name in ("etc/deep/deeper/file", "etc/hosts", "etc/rc.d/one", "usr/bin/tool", "opt/x"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (root / "lib").symlink_to("usr/lib")
    (root / "usr/lib").mkdir()
    (root / "etc/deep").chmod(0o751)
    for folder, folders, files in os.walk(root, topdown=False):
        for name in (*folders, *files):
            os.utime(Path(folder, name), (OLD, OLD), follow_symlinks=False)
    os.utime(root, (OLD, OLD))
    return root


def layered(below: Path, change: Callable[[Tree], object]) -> Path:
    """Change a copy of the tree, and return the layer of what was changed."""
    made = below.with_name("made")
    shutil.copytree(below, made, symlinks=True)
    paths: list[str] = []
    change(Tree(made, clock=CLOCK, record=lambda _change, path: paths.append(path)))
    target = below.with_name("layer")
    Layer(below=below, made=made, target=target).write(paths)
    return target


def names(layer: Path) -> list[str]:
    return sorted(each.relative_to(layer).as_posix() for each in layer.rglob("*"))


def test_what_is_added_comes_with_the_folders_above_it_as_they_are_below(below: Path) -> None:
    layer = layered(below, lambda tree: tree.write("/etc/deep/new", b"new", mode=0o640))
    assert names(layer) == ["etc", "etc/deep", "etc/deep/new"]
    assert (layer / "etc/deep/new").read_bytes() == b"new"
    status = (layer / "etc/deep/new").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_mtime) == (0o640, CLOCK)
    for name in ("", "etc", "etc/deep"):
        of_layer, original = (layer / name).stat(), (below / name).stat()
        assert of_layer.st_mode == original.st_mode
        assert of_layer.st_mtime_ns == original.st_mtime_ns


def test_new_folders_are_dated_as_they_were_made(below: Path) -> None:
    layer = layered(below, lambda tree: tree.write("/srv/a/b", b"", mode=0o600))
    assert names(layer) == ["srv", "srv/a", "srv/a/b"]
    assert {(layer / name).stat().st_mtime for name in names(layer)} == {CLOCK}


def test_what_lies_behind_a_link_is_where_it_really_is(below: Path) -> None:
    layer = layered(below, lambda tree: tree.write("/lib/new", b"", mode=0o644))
    assert names(layer) == ["usr", "usr/lib", "usr/lib/new"]


def test_a_link_stays_a_link(below: Path) -> None:
    layer = layered(below, lambda tree: tree.symlink("/etc/hosts", "/nowhere"))
    assert str((layer / "etc/hosts").readlink()) == "/nowhere"
    assert (layer / "etc/hosts").lstat().st_mtime == CLOCK


@pytest.mark.parametrize("path", ["etc/hosts", "etc/deep", "opt"])
def test_what_is_removed_is_a_whiteout(below: Path, path: str) -> None:
    layer = layered(below, lambda tree: tree.remove(f"/{path}"))
    status = (layer / path).lstat()
    assert stat.S_ISCHR(status.st_mode)
    assert status.st_rdev == os.makedev(0, 0)
    parent = Path(path).parent.as_posix()
    assert names(layer) == ([parent, path] if parent != "." else [path])


def test_what_comes_and_goes_leaves_nothing(below: Path) -> None:
    def change(tree: Tree) -> None:
        tree.write("/etc/draft", b"", mode=0o644)
        tree.remove("/etc/draft")

    assert names(layered(below, change)) == ["etc"]


def test_what_is_removed_below_what_is_removed_needs_no_mark_of_its_own(below: Path) -> None:
    def change(tree: Tree) -> None:
        tree.remove("/etc/deep/deeper/file")
        tree.remove("/etc/deep")

    layer = layered(below, change)
    assert names(layer) == ["etc", "etc/deep"]
    assert stat.S_ISCHR((layer / "etc/deep").lstat().st_mode)


def test_names_that_are_no_text_survive(below: Path) -> None:
    odd = os.fsdecode(b"/etc/na\xffme\n")
    layer = layered(below, lambda tree: tree.write(odd, b"odd", mode=0o644))
    assert (os.fsencode(layer) + b"/etc/na\xffme\n") in [
        os.fsencode(each) for each in (layer / "etc").iterdir()
    ]


def test_a_folder_over_a_file_is_refused(below: Path) -> None:
    def change(tree: Tree) -> None:
        tree.remove("/etc/hosts")
        tree.write("/etc/hosts/new", b"", mode=0o644)

    with pytest.raises(StepError, match="directory over etc/hosts"):
        layered(below, change)


def test_a_pipe_is_refused(below: Path) -> None:
    made = below.with_name("made")
    shutil.copytree(below, made, symlinks=True)
    os.mkfifo(made / "etc/fifo")
    layer = Layer(below=below, made=made, target=below.with_name("layer"))
    with pytest.raises(DefectError, match="can be copied"):
        layer.write(["/etc/fifo"])
