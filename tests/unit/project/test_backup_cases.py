"""The page of what happens to caches has fifty rows, and names tests that there are."""

import re

from tests.support.house import PROJECT

PAGE = (PROJECT / "docs/backup-cases.md").read_text("utf-8")


def test_every_case_is_there_once_and_in_order() -> None:
    numbers = [int(each) for each in re.findall(r"^\| ([0-9]+) \|", PAGE, re.MULTILINE)]
    assert numbers == [*range(1, 51)]


def test_every_test_that_the_page_names_is_one() -> None:
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", PAGE))
    sources = "\n".join(path.read_text("utf-8") for path in (PROJECT / "tests").rglob("test_*.py"))
    assert named - set(re.findall(r"def (test_[a-z0-9_]+)\(", sources)) == set()
    assert len(named) > 50
