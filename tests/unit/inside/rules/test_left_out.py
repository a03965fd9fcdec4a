"""The page about what is left out says what the program does."""

from pathlib import Path

from builder.inside.rules import RULES
from tests.support.left_out import page

PAGE = Path(__file__).parents[4] / "docs/what-is-left-out.md"


def test_the_page_is_what_the_tables_say() -> None:
    assert PAGE.read_text() == page(), "write tests.support.left_out.page() to the file again"


def test_every_rule_has_its_own_name_and_a_reason() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    assert all(rule.reason for rule in RULES)
