"""The page about installations names tests that there are."""

import re

from tests.support.house import PROJECT

PAGE = (PROJECT / "docs/installing.md").read_text("utf-8")


def test_every_test_that_the_page_names_is_one() -> None:
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", PAGE))
    sources = "\n".join(path.read_text("utf-8") for path in (PROJECT / "tests").rglob("test_*.py"))
    assert named - set(re.findall(r"def (test_[a-z0-9_]+)\(", sources)) == set()
    assert len(named) > 20
