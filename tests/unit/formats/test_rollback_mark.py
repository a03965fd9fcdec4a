"""The mark of a rollback: what it says is what was asked, and nothing odd is in the way."""

from pathlib import Path

import pytest

from builder.formats.rollback_mark import MARK, Goal, goal_of, put_mark, take_mark

GOAL = Goal(snapshot="uuid-7", asked="latest")


def test_it_says_what_was_asked_until_it_is_taken_away(tmp_path: Path) -> None:
    assert goal_of(tmp_path) is None
    put_mark(tmp_path, GOAL)
    assert goal_of(tmp_path) == GOAL
    put_mark(tmp_path, Goal(snapshot="uuid-8", asked="3"))
    assert goal_of(tmp_path) == Goal(snapshot="uuid-8", asked="3")
    assert [each.name for each in tmp_path.iterdir()] == [MARK]
    take_mark(tmp_path)
    assert goal_of(tmp_path) is None


@pytest.mark.parametrize("content", [b"", b"\xff\n", b"x" * 4000], ids=["empty", "bytes", "long"])
def test_one_that_says_nothing_still_means_that_a_rollback_began(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / MARK).write_bytes(content)
    found = goal_of(tmp_path)
    assert found is not None
    assert found.asked == ""


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("uuid-9\nlatest\n")
    (tmp_path / MARK).symlink_to("secret")
    assert goal_of(tmp_path) == Goal(snapshot="", asked="")
    put_mark(tmp_path, GOAL)
    assert goal_of(tmp_path) == GOAL
    assert (tmp_path / "secret").read_text() == "uuid-9\nlatest\n"
