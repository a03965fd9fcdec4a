"""Reads the plainest YAML: names with a text each, in groups at most one level deep.

A file that this takes means the same to every YAML parser that takes all values for texts. So
nothing is guessed: no numbers, no truth values, no lists, nothing over several lines. It is for
where no library is, and where `0123` has to stay what it is.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from builder.basics.errors import UsageError

Groups = Mapping[str, "Plain | Group"]

_LINE: Final = re.compile(r"(?P<indent> *)(?P<key>[a-z][a-z0-9_]*):(?:[ ]+(?P<value>.*))?")
_QUOTED: Final = re.compile(r"""(?:'((?:[^']|'')*)'|"([^"\\]*)")[ ]*(?:[ ]#.*)?""")
_NOT_PLAIN: Final = tuple("[]{}&*!|>'\"%@`,#?:-")  # how no plain text of ours may begin
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """A text of such a file, and the line that it is in, from 1."""

    text: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What is indented below a name, by its own names, and the line of the name."""

    line: int
    values: dict[str, Plain] = field(default_factory=dict)


def read_plain(text: str) -> Groups:
    """Return what a file says, by name. Raises UsageError for anything that is not as plain."""
    result: dict[str, Plain | Group] = {}
    group: dict[str, Plain] | None = None
    depth = 0
    for number, indent, key, value in _lines(text):
        if not indent:
            group = None
            target: dict[str, Plain] | dict[str, Plain | Group] = result
        elif group is None or (group and indent != depth):
            raise _error(number)
        else:
            target, depth = group, indent
        if key in target:
            raise UsageError(
                'Line {line} says "{key}" a second time',
                hint="Keep one of the two lines.",
                line=number,
                key=key,
            )
        if value is not None:
            target[key] = Plain(text=value, line=number)
        elif indent:
            raise _error(number)
        else:
            made = result[key] = Group(line=number)
            group = made.values
    return result


def _lines(text: str) -> Iterator[tuple[int, int, str, str | None]]:
    """Yield number, indentation, key and text of each line that says something."""
    for number, whole in enumerate(text.removesuffix("\n").split("\n"), start=1):
        line = whole.removesuffix("\r").rstrip(" ")
        if not line.strip(" ") or line.lstrip(" ").startswith("#") or (number, line) == (1, "---"):
            continue
        found = _LINE.fullmatch(line)
        if found is None or _CONTROL.search(line):
            raise _error(number)
        value = found["value"]
        if value is not None and value.startswith("#"):
            value = None
        yield (
            number,
            len(found["indent"]),
            found["key"],
            None if value is None else _value(value, number),
        )


def _value(text: str, number: int) -> str:
    quoted = _QUOTED.fullmatch(text)
    if quoted is not None:
        return quoted[2] if quoted[1] is None else quoted[1].replace("''", "'")
    plain = text.partition(" #")[0].rstrip(" ")
    if plain.startswith(_NOT_PLAIN) or ": " in plain or plain.endswith(":") or "\t" in plain:
        raise _error(number)
    return plain


def _error(number: int) -> UsageError:
    return UsageError(
        "Line {line} is not understood",
        hint="Write one `name: value` in a line, and those of a group indented by spaces below "
        "its name. A value with special characters stands in single quotes.",
        line=number,
    )
