"""The forms that a setting's value can have: how each is read, and its schema for editors.

`read` returns None for an unusable value, after adding the reason to the problems.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

from builder.basics.errors import UsageError
from builder.basics.printable import short
from builder.host.config import checks
from builder.host.config.rule import Rule, Schema
from builder.host.yaml.nearest import nearest
from builder.host.yaml.nodes import Items, Kind, Node, Refused, Scalar, word_for
from builder.host.yaml.problems import Problems

Value = TypeVar("Value")
Value_co = TypeVar("Value_co", covariant=True)
Word = TypeVar("Word", bound=StrEnum)

LONGEST_TEXT: Final = 4096  # characters: Linux's longest path


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What all values of a file, or of the flags, have in common."""

    problems: Problems
    folder: Path  # where relative paths start


class Form(Protocol[Value_co]):
    """One form; its values are of the type `Value_co`."""

    def read(self, node: Node, reading: Reading) -> Value_co | None:
        """Return what was written, or None."""

    def schema(self) -> Schema:
        """Return the same for editors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Generic[Value_co]):
    """A text."""

    rule: Rule[str, Value_co]

    def read(self, node: Node, reading: Reading) -> Value_co | None:
        """Return what the rule makes of the text."""
        return _text(node, self.rule, reading.problems)

    def schema(self) -> Schema:
        """Return the rule's."""
        return {"type": "string", **self.rule.schema}


@dataclass(frozen=True, slots=True, kw_only=True)
class TextOrNumber(Generic[Value_co]):
    """A text that may also be written as a whole number."""

    rule: Rule[str, Value_co]

    def read(self, node: Node, reading: Reading) -> Value_co | None:
        """Return what the rule makes of the text."""
        if isinstance(node, Scalar) and node.kind is Kind.WHOLE:
            node = replace(node, kind=Kind.TEXT)
        return _text(node, self.rule, reading.problems)

    def schema(self) -> Schema:
        """Return the rule's."""
        return {"type": ["string", "integer"], **self.rule.schema}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Generic[Word]):
    """One of a few words; `{value}` in the message stands for another one."""

    words: type[Word]
    message: str

    def read(self, node: Node, reading: Reading) -> Word | None:
        """Return the word."""
        return _text(node, self._word, reading.problems)

    def schema(self) -> Schema:
        """Return the words."""
        return {"enum": [word.value for word in self.words]}

    def _word(self, text: str) -> Word:
        if text in tuple(self.words):
            return self.words(text)
        meant = nearest(text, self.words)
        raise UsageError(
            self.message,
            hint="Did you mean {meant}?" if meant else "Use one of {known}.",
            value=short(text),
            meant=meant,
            known=", ".join(self.words),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePath:
    """The path of a file or folder; what is read is absolute."""

    is_folder: bool

    def read(self, node: Node, reading: Reading) -> Path | None:
        """Return the path."""

        def absolute(text: str) -> Path:
            # Not Path.expanduser: to that, `~nobody` is an error.
            written = os.path.expanduser(checks.path(text))  # noqa: PTH111
            return (reading.folder / written).absolute()

        return _text(node, absolute, reading.problems)

    def schema(self) -> Schema:
        """Return what any path is."""
        return {"type": "string", "maxLength": LONGEST_TEXT, **checks.path.schema}


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A whole number."""

    rule: Rule[int, int]

    def read(self, node: Node, reading: Reading) -> int | None:
        """Return the number that the rule lets pass."""
        match node:
            case Refused():
                return None
            case Scalar(kind=Kind.WHOLE, text=text, place=place):
                try:
                    return self.rule(int(text))
                except UsageError as error:
                    reading.problems.add_error(place, error)
            case _:
                reading.problems.add(
                    node.place,
                    "Expected a whole number in plain digits, found {found}",
                    found=word_for(node),
                )
        return None

    def schema(self) -> Schema:
        """Return the rule's."""
        return {"type": "integer", **self.rule.schema}


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """A list of texts: a rule for each, and one for all of them together."""

    rule: Rule[str, str]
    together: Callable[[tuple[str, ...]], tuple[str, ...]] | None = None

    def read(self, node: Node, reading: Reading) -> tuple[str, ...] | None:
        """Return the texts that the rules let pass."""
        problems = reading.problems
        match node:
            case Refused():
                return None
            case Items(items=items):
                checked = [_text(item, self.rule, problems) for item in items]
                texts = tuple(text for text in checked if text is not None)
                try:
                    return self.together(texts) if self.together else texts
                except UsageError as error:
                    problems.add_error(node.place, error)
            case _:
                problems.add(node.place, "Expected a list, found {found}", found=word_for(node))
        return None

    def schema(self) -> Schema:
        """Return the rule's, for each."""
        return {"type": "array", "items": {"type": "string", **self.rule.schema}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A setting that is on or off."""

    def read(self, node: Node, reading: Reading) -> bool | None:
        """Return whether it is on."""
        match node:
            case Refused():
                return None
            case Scalar(kind=Kind.TRUTH, text=text):
                return text.lower() == "true"
            case _:
                reading.problems.add(
                    node.place, "Expected true or false, found {found}", found=word_for(node)
                )
                return None

    def schema(self) -> Schema:
        """Return what a boolean is."""
        return {"type": "boolean"}


def _text(node: Node, check: Callable[[str], Value], problems: Problems) -> Value | None:
    match node:
        case Refused():
            pass
        case Scalar(kind=Kind.TEXT, text=text) if len(text) > LONGEST_TEXT:
            problems.add(
                node.place, "This text is too long ({length} characters)", length=len(text)
            )
        case Scalar(kind=Kind.TEXT, text=text):
            try:
                return check(text)
            except UsageError as error:
                problems.add_error(node.place, error)
        case Scalar(text=text):
            problems.add(
                node.place,
                'Expected text, found {found}; if you mean text, put it in quotes: "{text}"',
                found=word_for(node),
                text=short(text),
            )
        case _:
            problems.add(node.place, "Expected text, found {found}", found=word_for(node))
    return None
