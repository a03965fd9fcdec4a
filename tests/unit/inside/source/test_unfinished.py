"""The mark of a backup that has begun and not finished."""

from pathlib import Path

import pytest

from builder.inside.source.unfinished import MARK, began, is_unfinished, mark, unmark


def test_the_mark_says_when_the_backup_began(tmp_path: Path) -> None:
    assert (is_unfinished(tmp_path), began(tmp_path)) == (False, None)
    mark(tmp_path, now=1_781_699_405)
    mark(tmp_path, now=1_781_699_406)  # again, after one that was killed
    assert (is_unfinished(tmp_path), began(tmp_path)) == (True, 1_781_699_406)
    unmark(tmp_path)
    assert not is_unfinished(tmp_path)


@pytest.mark.parametrize("content", ["", "x", "9" * 100])
def test_a_mark_that_cannot_be_read_is_a_mark(tmp_path: Path, content: str) -> None:
    (tmp_path / MARK).write_text(content)
    assert (is_unfinished(tmp_path), began(tmp_path)) == (True, None)


def test_nothing_is_written_through_a_link_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / MARK).symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="not a regular file"):
        mark(tmp_path / "tree", now=1)
    assert not (tmp_path / "victim").exists()
