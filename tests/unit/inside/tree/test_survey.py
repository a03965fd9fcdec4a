"""The one walk over a source tree: what belongs to it, how large it is, what is odd about it."""

import errno
import os
import threading
from pathlib import Path

import pytest

from builder.basics.errors import SourceError, StepError
from builder.inside.tree.survey import SourceTree, Survey, survey_tree
from tests.support.trees import too_long


def survey(root: Path, *rules: str) -> Survey:
    return survey_tree(SourceTree(root=root, rules=rules))


def test_what_belongs_to_the_tree_is_told_from_what_does_not(tmp_path: Path) -> None:
    for name in ("a/b/c", "a-b", "x/y/z", "odd\udcff"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to("x")
    found = survey(tmp_path, "- /x/*", "- c", "- li?k")
    assert found.paths == (b"/", b"/a", b"/a-b", b"/a/b", b"/odd\xff", b"/x")
    assert found.left_out == (b"/a/b/c", b"/link", b"/x/y")
    assert (found.markers, found.unchangeable, found.with_acl, found.stubs) == ((), (), (), ())
    assert found.devices == 1


def test_sizes_count_hard_links_once_and_holes_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 100_000)
    os.link(tmp_path / "file", tmp_path / "same")
    (tmp_path / "left-out").write_bytes(b"x" * 100_000)
    with (tmp_path / "sparse").open("wb") as stream:
        stream.truncate(1 << 38)
    found = survey(tmp_path, "- left-out")
    assert found.size == 100_000
    assert found.acl_size == 0


def test_a_source_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"^/ in the source changed or disappeared"):
        survey(tmp_path / "none")


def test_more_zeros_than_can_be_read_are_refused_with_the_largest_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name, size in (
        ("a/small", 1 << 30),
        ("a/disk[1].img\x07", 16 << 40),
        ("left-out", 1 << 41),
    ):
        with (tmp_path / name).open("wb") as stream:
            try:
                stream.truncate(size)
            except OSError:  # ext4 of 4 KiB blocks ends just below
                stream.truncate(size - (1 << 20))
    (tmp_path / "z").hardlink_to(tmp_path / "left-out")
    with pytest.raises(SourceError, match=r"read as 18\.0 TiB of zeros") as caught:
        survey(tmp_path, "- left-out")
    assert "the largest is /a/disk[1].img" in str(caught.value)
    assert caught.value.values["pattern"] == r"/a/disk\[1].img"
    assert survey(tmp_path, "- left-out", "- z", r"- /a/disk\[*").size == 0


def test_paths_that_no_program_can_open_are_refused_with_a_folder_above(tmp_path: Path) -> None:
    (tmp_path / "bad\x1b[31m").mkdir()
    too_long(tmp_path / "bad\x1b[31m")
    with pytest.raises(SourceError, match=r"^Paths in /bad\[31m are longer") as caught:
        survey(tmp_path)
    assert len(str(caught.value)) < 200
    assert survey(tmp_path, r"- /bad*").paths == (b"/",)


def test_what_cannot_be_read_is_an_error_without_control_characters(tmp_path: Path) -> None:
    bad = tmp_path / "bad\x1b[31m"
    bad.mkdir()

    def damaged(_path: bytes) -> list[str]:
        raise OSError(errno.EIO, os.strerror(errno.EIO), os.fsencode(bad))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builder.inside.tree.survey.xattr_names", damaged)
        with pytest.raises(StepError, match=r"^/bad\[31m in the source cannot be read: Input"):
            survey(tmp_path)


def test_it_can_be_stopped(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(StepError, match="stopped"):
        survey_tree(SourceTree(root=tmp_path), stop=stop)
