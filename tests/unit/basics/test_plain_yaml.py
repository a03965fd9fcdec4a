"""The plainest YAML: what is taken means the same to PyYAML; all else is refused with its line."""

import pytest
import yaml

from builder.basics.errors import UsageError
from builder.basics.plain_yaml import Plain, read_plain

TAKEN = (
    "a: b\n",
    "---\na: b\n",
    "# words\n\na: b # more\n",
    "a: 0123\nb: 1e5\nc: no\nd: 2026-11-27\n",
    "a:\n  b: c\n  d: e\nf: g\n",
    "a:   # a group\n    b: c\n",
    "a: 'it''s # no comment' # one\n",
    'a: "two  words"\n',
    "a: $6$salt$hash./x\n",
    "a: x#y\nb: c:d\n",
    "a: b\r\nc: d\r\n",
    "a: ''\n",
)


def as_yaml(text: str) -> object:
    return yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes nothing but texts


@pytest.mark.parametrize("text", TAKEN)
def test_what_is_taken_means_the_same_to_a_yaml_parser(text: str) -> None:
    said = {
        key: value.text
        if isinstance(value, Plain)
        else {inner: each.text for inner, each in value.values.items()}
        for key, value in read_plain(text).items()
    }
    assert said == as_yaml(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [b]\n", 1),
        ("a: {b: c}\n", 1),
        ("a: b\nc: &d e\n", 2),
        ("a: *b\n", 1),
        ("a: |\n  b\n", 1),
        ("a: !!str b\n", 1),
        ("a: 'b\n", 1),
        ('a: "b\\n"\n', 1),
        ("a: b: c\n", 1),
        ("- a\n", 1),
        ("a:\tb\n", 1),
        ("a\n", 1),
        ("  a: b\n", 1),
        ("a: b\n  c: d\n", 2),
        ("a:\n  b: c\n   d: e\n", 3),
        ("a:\n  b:\n    c: d\n", 2),
        ("a: b\x07\n", 1),
        ("A: b\n", 1),
        ("a: b\n---\n", 2),
    ],
)
def test_anything_else_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(UsageError, match=f"Line {line} is not understood"):
        read_plain(text)


def test_a_name_that_comes_twice_is_refused() -> None:
    with pytest.raises(UsageError, match='Line 2 says "a" a second time'):
        read_plain("a: b\na: c\n")


def test_no_refusal_shows_a_value() -> None:
    with pytest.raises(UsageError) as caught:
        read_plain("a: $6$secret: x\n")
    assert "secret" not in f"{caught.value}{caught.value.advice}"
