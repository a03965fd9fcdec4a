"""The page about installations names tests that there are, and every row has a number."""

import re

from tests.support.house import PROJECT

PAGE = (PROJECT / "docs/installing.md").read_text("utf-8")


def test_what_clones_are_known_to_stumble_over_is_there_once_and_in_order() -> None:
    numbers = [int(each) for each in re.findall(r"^\| ([0-9]+) \|", PAGE, re.MULTILINE)]
    assert numbers == [*range(1, 34)]


def test_every_test_that_the_page_names_is_one() -> None:
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", PAGE))
    sources = "\n".join(path.read_text("utf-8") for path in (PROJECT / "tests").rglob("test_*.py"))
    assert named - set(re.findall(r"def (test_[a-z0-9_]+)\(", sources)) == set()
    assert len(named) > 40
