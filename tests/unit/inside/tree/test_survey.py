"""The one walk over a source tree: what belongs to it, how large it is, what is odd about it."""

import os
import threading
from pathlib import Path

import pytest

from builder.basics.errors import StepError
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
        stream.truncate(1 << 40)
    found = survey(tmp_path, "- left-out")
    assert found.size == 100_000
    assert found.acl_size == 0


def test_a_source_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"^/ in the source changed or disappeared"):
        survey(tmp_path / "none")


def test_what_cannot_be_read_is_an_error_without_control_characters(tmp_path: Path) -> None:
    (tmp_path / "bad\x1b[31m").mkdir()
    too_long(tmp_path / "bad\x1b[31m")
    with pytest.raises(StepError, match=r"^/bad\[31m/d.* cannot be read: File name too long"):
        survey(tmp_path)


def test_it_can_be_stopped(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(StepError, match="stopped"):
        survey_tree(SourceTree(root=tmp_path), stop=stop)
