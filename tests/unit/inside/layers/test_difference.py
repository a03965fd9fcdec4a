"""What differs between two trees is found whatever its kind, and taken over as it is."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from builder.basics.errors import DefectError
from builder.formats.changes import Change
from builder.inside.layers.difference import Difference, TreeDifference
from builder.inside.layers.taking import Taking

OLD = 1_000_000_000


@pytest.fixture
def below(tmp_path: Path) -> Path:
    root = tmp_path / "below"
    (root / "etc/d").mkdir(parents=True)
    (root / "etc/a").write_text("a")
    (root / "etc/b").write_text("b")
    (root / "etc/d/x").write_text("x")
    (root / "etc/link").symlink_to("a")
    for path in (*root.rglob("*"), root):
        os.utime(path, (OLD, OLD), follow_symlinks=False)
    return root


@pytest.fixture
def made(below: Path) -> Path:
    made = below.with_name("made")
    shutil.copytree(below, made, symlinks=True)
    return made


def differences(below: Path, made: Path, *ignored: bytes) -> list[Difference]:
    return list(TreeDifference(below=below, made=made, ignored=set(ignored).__contains__).changes())


def test_the_same_tree_at_another_place_and_time_is_no_difference(below: Path, made: Path) -> None:
    for path in made.rglob("*"):
        os.utime(path, (5, 5), follow_symlinks=False)
    (made / "etc/a").unlink()
    (made / "etc/a").write_text("a")
    assert differences(below, made) == []


CHANGES: list[tuple[str, list[Difference]]] = [
    ("printf A >a", [(b"/etc/a", Change.CHANGED)]),
    ("printf longer >a", [(b"/etc/a", Change.CHANGED)]),
    ("chmod 600 a", [(b"/etc/a", Change.CHANGED)]),
    ("chown 5:6 a", [(b"/etc/a", Change.CHANGED)]),
    ("chmod 700 d", [(b"/etc/d", Change.CHANGED)]),
    ("printf n >new", [(b"/etc/new", Change.ADDED)]),
    ("ln -s b new", [(b"/etc/new", Change.ADDED)]),
    ("rm a", [(b"/etc/a", Change.REMOVED)]),
    ("rm -r d", [(b"/etc/d", Change.REMOVED)]),
    (
        "mkdir -p n/m; printf f >n/m/f",
        [(b"/etc/n", Change.ADDED), (b"/etc/n/m", Change.ADDED), (b"/etc/n/m/f", Change.ADDED)],
    ),
    ("ln -sf b link", [(b"/etc/link", Change.CHANGED)]),
    (
        "rm a; mkdir a; printf f >a/f",
        [(b"/etc/a", Change.REMOVED), (b"/etc/a", Change.ADDED), (b"/etc/a/f", Change.ADDED)],
    ),
    (
        "rm -r d; printf file >d",
        [(b"/etc/d", Change.REMOVED), (b"/etc/d", Change.ADDED)],
    ),
    ("printf odd >$(printf '\\377x')", [(b"/etc/\xffx", Change.ADDED)]),
]


@pytest.mark.parametrize(("change", "expected"), CHANGES)
def test_each_change_is_found_and_taken_over(
    below: Path, made: Path, change: str, expected: list[Difference]
) -> None:
    subprocess.run(["sh", "-ec", change], cwd=made / "etc", check=True)
    found = differences(below, made)
    assert found == expected
    Taking(root=below, made=made).take(found)
    assert differences(below, made) == []


def test_directories_that_were_there_keep_their_times(below: Path, made: Path) -> None:
    (made / "etc/d/new").write_text("n")
    (made / "etc/b").unlink()
    (made / "etc/d").chmod(0o700)
    Taking(root=below, made=made).take(differences(below, made))
    for path in (below / "etc/d", below / "etc"):
        assert path.stat().st_mtime == OLD
    assert stat.S_IMODE((below / "etc/d").stat().st_mode) == 0o700


def test_what_is_ignored_is_neither_found_nor_taken_over(below: Path, made: Path) -> None:
    (made / "etc/n").mkdir()
    (made / "etc/n/f").write_text("f")
    (made / "etc/a").unlink()
    assert differences(below, made, b"/etc/n", b"/etc/a") == []
    assert differences(below, made, b"/etc/n/f", b"/etc/a") == [(b"/etc/n", Change.ADDED)]


def test_a_pipe_is_never_opened_and_never_taken_over(below: Path, made: Path) -> None:
    os.mkfifo(made / "etc/pipe")
    found = differences(below, made)
    assert found == [(b"/etc/pipe", Change.ADDED)]
    with pytest.raises(DefectError, match="pipe can be copied"):
        Taking(root=below, made=made).take(found)


def test_a_link_is_never_followed_out_of_the_tree(below: Path, made: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (made / "etc/a").unlink()
    (made / "etc/a").symlink_to(outside)
    Taking(root=below, made=made).take(differences(below, made))
    assert (below / "etc/a").readlink() == outside
    assert outside.read_text() == "mine"
