"""The values of a config before anything is known about them: each knows where it was written."""

import os
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from builder.host.yaml.problems import Location


class Kind(Enum):
    """What a single value is to YAML."""

    TEXT = auto()
    WHOLE = auto()  # a whole number in plain digits
    NUMBER = auto()  # any other number, e.g. 1.5, 0x10, 010
    TRUTH = auto()
    NULL = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """A single value, as it was written."""

    place: Location
    kind: Kind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A list."""

    place: Location
    items: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A key of a mapping and its value."""

    key: str
    place: Location  # of the key
    value: "Node"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """Keys and values; every key is there once."""

    place: Location
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A value that is already among the problems; nothing more is reported about it."""

    place: Location


Node = Scalar | Items | Mapping | Refused

_WORDS: Final = {
    Kind.WHOLE: "a number",
    Kind.NUMBER: "a number",
    Kind.TRUTH: "true or false",
    Kind.NULL: "nothing",
    Kind.TEXT: "text",
}


def word_for(node: Node) -> str:
    """Return the name of that kind of value for people."""
    match node:
        case Mapping():
            return "keys and values"
        case Items():
            return "a list"
        case Scalar(kind=kind):
            return _WORDS[kind]
        case Refused():
            raise AssertionError(node)


def node_of(data: object, place: str) -> Node:
    """Return plain data (a flag's value, JSON) as if it was written; `place` says where."""
    here = Location(source=place)
    match data:
        case dict():
            entries = (
                Entry(key=key, place=here, value=node_of(value, f"{place}.{key[:80]}"))
                for key, value in data.items()
            )
            return Mapping(place=here, entries=tuple(entries))
        case list() | tuple():
            items = (node_of(item, f"{place}[{index}]") for index, item in enumerate(data))
            return Items(place=here, items=tuple(items))
        case os.PathLike():
            return Scalar(place=here, kind=Kind.TEXT, text=os.fspath(data))
        case _:
            return Scalar(place=here, kind=_kind(data), text="" if data is None else str(data))


def _kind(data: object) -> Kind:
    match data:
        case None:
            return Kind.NULL
        case bool():
            return Kind.TRUTH
        case int():
            return Kind.WHOLE
        case float():
            return Kind.NUMBER
        case _:
            return Kind.TEXT
