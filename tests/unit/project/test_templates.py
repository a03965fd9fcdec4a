"""Text for people can be found by a tool, and be translated."""

import ast
import re
import string
from collections.abc import Iterator

import pytest

from tests.support.templates import Hidden, Kind, Template, collected, found_in, hidden, pot

# A command at the end of a hint stands without a full stop, so that it can be copied.
_ENDS_WITH_COMMAND = re.compile(r": (distroclone-builder|snapper) [^.]+")
_FIELDS_ALONE = re.compile(r"(\{\w+\} ?)+")


def fields_of(template: str) -> Iterator[str]:
    """Yield the names of the fields, as `str.format` reads them."""
    for _text, field, _format, _conversion in string.Formatter().parse(template):
        if field is not None:
            yield field


def of_kind(kind: Kind) -> Iterator[Template]:
    return (each for each in collected() if each.kind is kind)


def test_every_template_is_found() -> None:
    assert hidden() == []
    assert len(collected()) > 600


def test_every_template_can_be_filled() -> None:
    for each in collected():
        values = dict.fromkeys(fields_of(each.text), 3.0)
        assert each.text.format(**values), each


def test_fields_are_plain_names() -> None:
    odd = [each for each in collected() if not all(map(str.isidentifier, fields_of(each.text)))]
    assert odd == []


def test_templates_have_no_layout() -> None:
    """Spaces that align or join would be lost in a translation."""
    odd = [each for each in collected() if "  " in each.text or each.text != each.text.strip()]
    assert odd == []


def test_messages_end_without_a_full_stop() -> None:
    assert [each for each in of_kind(Kind.MESSAGE) if re.search(r"(?<!\.)\.$", each.text)] == []


def test_hints_are_sentences() -> None:
    odd = [
        each
        for each in of_kind(Kind.HINT)
        if not each.text.endswith((".", "?"))
        and not _ENDS_WITH_COMMAND.search(each.text)
        and not _FIELDS_ALONE.fullmatch(each.text)
    ]
    assert odd == []


def test_the_catalogue_has_each_template_once() -> None:
    entries = re.findall(r'^msgid (".*")\nmsgstr "(.*)"$', pot(), flags=re.MULTILINE)
    (head, encoding), *rest = entries
    assert (ast.literal_eval(head), encoding) == ("", r"Content-Type: text/plain; charset=UTF-8\n")
    texts = [ast.literal_eval(text) for text, _translation in rest]
    assert sorted(texts) == sorted({each.text for each in collected()})


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ('say("one {a}", a=1)', ["one {a}"]),
        ('raise HostError("one", hint="two")', ["one", "two"]),
        ('raise HostError("one" if x else "two")', ["one", "two"]),
        ('Note(level="info", message="one")', ["one"]),
        ('problems.add(place, "one")', ["one"]),
        ('matching("[a-z]", message="one", hint="two")', ["one", "two"]),
        ('kind("one", hint=_TABLE.get(a, "two"))\n_TABLE = {A: "three"}', ["one", "three", "two"]),
        ('say(_TITLES[step])\n_TITLES = MappingProxyType({"a": "one"})', ["one"]),
        ('def f():\n    text = "one"\n    say(text)', ["one"]),
        ('def _f(error):\n    return "one"\nHostError("two", hint=_f(error))', ["one", "two"]),
        ('def _f(message):\n    say(message)\n_f("one")', ["one"]),
        ('def note(self, message):\n    Note(message=message)', []),
        ('class E(HostError):\n    def __init__(self):\n        super().__init__("one")', ["one"]),
        ('class E(HostError):\n  def __init__(self, message):\n    super().__init__(message)', []),
    ],
)  # fmt: skip
def test_a_literal_is_found_wherever_it_may_stand(source: str, texts: list[str]) -> None:
    found = list(found_in(source, "x.py"))
    assert sorted(each.text for each in found if isinstance(each, Template)) == texts
    assert not any(isinstance(each, Hidden) for each in found)


@pytest.mark.parametrize(
    "source",
    [
        'say(f"one {a}")',
        'say("one" + two)',
        "say(text)",
        'raise HostError("one {}".format(a))',
        "def f(message):\n    say(message)",
        'def f():\n    text = "one"\ndef g():\n    say(text)',
    ],
)
def test_what_a_tool_cannot_find_is_hidden(source: str) -> None:
    assert any(isinstance(each, Hidden) for each in found_in(source, "x.py"))
