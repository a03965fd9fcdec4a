"""Takes typed values out of a mapping, and says with their place what is wrong with them."""

from collections.abc import Callable
from typing import Final, TypeVar

from builder.basics.errors import UsageError
from builder.basics.printable import short
from builder.host.config.nearest import nearest
from builder.host.config.problems import Place, Problems
from builder.host.config.yaml_reader import Entry, Items, Kind, Mapping, Node, Refused, Scalar

Value = TypeVar("Value")
Default = TypeVar("Default")

LONGEST_TEXT: Final = 4096  # characters: Linux's longest path

_WORDS: Final = {
    Kind.WHOLE: "a number",
    Kind.NUMBER: "a number",
    Kind.TRUTH: "true or false",
    Kind.NULL: "nothing",
    Kind.TEXT: "text",
}


class Section:
    """One mapping of the config. Each key is asked for once; `finish` reports the others.

    A key that is missing or has no value (null) keeps its default, and so does one with a
    problem, so that reading goes on and finds the other problems.
    """

    def __init__(self, node: Node, problems: Problems) -> None:
        self.place: Final = node.place
        self._problems: Final = problems
        self._known: list[str] = []
        self._entries: dict[str, Entry] = {}
        if isinstance(node, Mapping):
            self._entries = {entry.key: entry for entry in node.entries}
        elif not isinstance(node, Refused) and not _is_null(node):
            problems.add(node.place, "Expected keys and values, found {found}", found=_word(node))

    def section(self, key: str) -> "Section":
        """Return the mapping below `key`; an empty one when there is none."""
        node = self._value(key)
        return Section(node or Scalar(place=self.place, kind=Kind.NULL, text=""), self._problems)

    def text(self, key: str, default: Default, check: Callable[[str], Value]) -> Value | Default:
        """Return what `check` makes of the text below `key`."""
        node = self._value(key)
        return default if node is None else self._checked(node, default, check)

    def word_or_number(
        self, key: str, default: Default, check: Callable[[str], Value]
    ) -> Value | Default:
        """Like `text`, for what may also be written as a whole number."""
        node = self._value(key)
        if isinstance(node, Scalar) and node.kind is Kind.WHOLE:
            node = Scalar(place=node.place, kind=Kind.TEXT, text=node.text)
        return default if node is None else self._checked(node, default, check)

    def number(self, key: str, default: int, check: Callable[[int], int]) -> int:
        """Return what `check` makes of the whole number below `key`."""
        match self._value(key):
            case None | Refused():
                return default
            case Scalar(kind=Kind.WHOLE, text=text, place=place):
                try:
                    return check(int(text))
                except UsageError as error:
                    self._problems.add_error(place, error)
            case node:
                self._problems.add(
                    node.place,
                    "Expected a whole number in plain digits, found {found}",
                    found=_word(node),
                )
        return default

    def texts(
        self, key: str, default: tuple[str, ...], check: Callable[[str], str]
    ) -> tuple[str, ...]:
        """Return what `check` makes of each text in the list below `key`."""
        match self._value(key):
            case None | Refused():
                return default
            case Items(items=items):
                checked = [self._checked(item, None, check) for item in items]
                return tuple(text for text in checked if text is not None)
            case node:
                self._problems.add(node.place, "Expected a list, found {found}", found=_word(node))
                return default

    def place_of(self, key: str) -> Place:
        """Return where the value of `key` is; the section's own place without one."""
        return self._entries[key].value.place if key in self._entries else self.place

    def has(self, key: str) -> bool:
        """Whether `key` has a value there."""
        return key in self._entries and not _is_null(self._entries[key].value)

    def finish(self) -> None:
        """Report each key that was not asked for."""
        for key, entry in self._entries.items():
            if key in self._known:
                continue
            if meant := nearest(key, self._known):
                self._problems.add(
                    entry.place,
                    'Unknown key "{key}". Did you mean {meant}?',
                    key=short(key),
                    meant=meant,
                )
            else:
                self._problems.add(
                    entry.place,
                    'Unknown key "{key}". Known here: {known}',
                    key=short(key),
                    known=", ".join(self._known),
                )

    def _value(self, key: str) -> Node | None:
        self._known.append(key)
        entry = self._entries.get(key)
        return None if entry is None or _is_null(entry.value) else entry.value

    def _checked(
        self, node: Node, default: Default, check: Callable[[str], Value]
    ) -> Value | Default:
        match node:
            case Refused():
                return default
            case Scalar(kind=Kind.TEXT, text=text):
                if len(text) > LONGEST_TEXT:
                    self._problems.add(
                        node.place, "A text of {length} characters is too long", length=len(text)
                    )
                    return default
                try:
                    return check(text)
                except UsageError as error:
                    self._problems.add_error(node.place, error)
            case Scalar(text=text):
                self._problems.add(
                    node.place,
                    'Expected text, found {found}; if it is one, put it in quotes: "{text}"',
                    found=_word(node),
                    text=short(text),
                )
            case _:
                self._problems.add(node.place, "Expected text, found {found}", found=_word(node))
        return default


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.kind is Kind.NULL


def _word(node: Node) -> str:
    match node:
        case Mapping():
            return "keys and values"
        case Items():
            return "a list"
        case Scalar(kind=kind):
            return _WORDS[kind]
        case Refused():
            raise AssertionError(node)
