"""The page about what is left out says what the program does."""

from importlib import import_module
from pkgutil import iter_modules

from builder.formats.recipe import Installer
from builder.inside import rules, session
from builder.inside.rules import RULES
from tests.support.left_out import COMMAND, PAGE, page


def test_the_page_is_what_the_tables_say() -> None:
    assert PAGE.read_text() == page(), f"the page is out of date; `{COMMAND}` writes it"


def test_every_rule_that_is_written_is_applied() -> None:
    modules = [
        import_module(f"{package.__name__}.{each.name}")
        for package in (rules, session)
        for each in iter_modules(package.__path__)
    ]
    written = {rule for module in modules for rule in getattr(module, "RULES", ())}
    assert written == {*RULES, *session.rules_with(Installer.TEXT)}


def test_every_rule_has_its_own_name_and_a_reason() -> None:
    names = [rule.name for rule in (*RULES, *session.rules_with(Installer.TEXT))]
    assert len(set(names)) == len(names)
    assert all(rule.reason for rule in (*RULES, *session.rules_with(Installer.TEXT)))
