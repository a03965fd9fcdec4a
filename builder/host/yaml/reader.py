"""Reads a YAML file into values that know their location.

Only what a config needs is accepted: mappings, lists and single values. Anchors, aliases, merge
keys and tags are refused, and a plain value is classified by YAML 1.2's core schema, so that `no`
is a word and not "false" (https://yaml.org/spec/1.2.2/#103-core-schema), as editors see it too.
"""

import re
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from yaml.reader import ReaderError

from builder.basics.errors import UsageError
from builder.basics.printable import short
from builder.basics.regular import NotRegularError, read_start
from builder.host.yaml.nodes import Entry, Items, Kind, Mapping, Node, Refused, Scalar
from builder.host.yaml.problems import Location, Problems

LARGEST: Final = 1 << 20  # bytes
_OTHER: Final = "Give --config the path of a build.yaml, a text file of some lines."
_DEEPEST: Final = 20  # levels of nesting; ours has three

_KINDS: Final = (
    (re.compile(r"|~|null|Null|NULL"), Kind.NULL),
    (re.compile(r"true|True|TRUE|false|False|FALSE"), Kind.TRUTH),
    (re.compile(r"-?(0|[1-9][0-9]{0,17})"), Kind.WHOLE),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), Kind.NUMBER),
    (re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+"), Kind.NUMBER),
    (re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"), Kind.NUMBER),
)


def read_yaml(path: Path, problems: Problems) -> Node:
    """Return what the file holds; an empty one holds a null.

    What is refused but leaves the rest readable is added to `problems`. Raises UsageError where
    reading cannot go on: no such file, not UTF-8, larger than 1 MiB, not YAML.
    """
    source = str(path)
    text = _decoded(_content(path), source, problems)
    try:
        return _Reader(text, source, problems).document()
    except ReaderError as error:
        problems.add(
            _location_at(text[: error.position], source),
            "The control character U+{code} is not allowed in YAML",
            code=f"{int(error.character):04X}",
        )
        raise problems.error() from error
    except yaml.MarkedYAMLError as error:
        _add_syntax_error(error, source, problems)
        raise problems.error() from error


def _content(path: Path) -> bytes:
    try:
        content, whole = read_start(path, limit=LARGEST, follow=True)
    except NotRegularError as error:  # a pipe would block, a device never end
        raise UsageError("The config {path} is not a file", hint=_OTHER, path=path) from error
    except (OSError, ValueError) as error:
        raise UsageError(
            "The config {path} cannot be read: {reason}",
            hint="Check the path given with --config, and its permissions.",
            path=path,
            reason=error.strerror if isinstance(error, OSError) else error,
        ) from error
    if not whole:
        raise UsageError(
            "The config {path} is larger than {limit} bytes", hint=_OTHER, path=path, limit=LARGEST
        )
    return content


def _decoded(content: bytes, source: str, problems: Problems) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace")
        problems.add(_location_at(before, source), "This is not UTF-8; save the file as UTF-8")
        raise problems.error() from error


def _location_at(before: str, source: str) -> Location:
    last_line = before.rpartition("\n")[2]
    return Location(source=source, line=before.count("\n") + 1, column=len(last_line) + 1)


def _location_of(mark: Any, source: str) -> Location:  # PyYAML's stubs know two unrelated Marks
    if mark is None:
        return Location(source=source, line=1, column=1)
    return Location(source=source, line=mark.line + 1, column=mark.column + 1)


def _add_syntax_error(error: yaml.MarkedYAMLError, source: str, problems: Problems) -> None:
    place = _location_of(error.problem_mark, source)
    problem = error.problem or error.context or ""
    if r"character '\t'" in problem:
        problems.add(place, "A tab cannot indent YAML; use spaces")
    elif sign := re.search(r"character '([@`%])'", problem):
        problems.add(place, "A value that starts with {sign} needs quotes", sign=sign[1])
    elif "mapping values are not allowed" in problem:
        problems.add(place, 'A value that contains ": " needs quotes; or the indentation is wrong')
    else:
        problems.add(place, "Invalid YAML: {problem}", problem=problem)


class _Reader:
    """Builds nodes from PyYAML's events, one for each thing that was written."""

    def __init__(self, text: str, source: str, problems: Problems) -> None:
        self._events = yaml.parse(text, Loader=yaml.SafeLoader)
        self._source = source
        self._problems = problems

    def document(self) -> Node:
        """Return the only document's node."""
        next(self._events)  # the stream's start
        start = next(self._events)
        if not isinstance(start, DocumentStartEvent):
            top = Location(source=self._source, line=1, column=1)
            return Scalar(place=top, kind=Kind.NULL, text="")
        node = self._node(next(self._events), depth=1)
        next(self._events)  # the document's end
        second = next(self._events)
        if isinstance(second, DocumentStartEvent):
            self._problems.add(
                self._place(second),
                "A config is a single document; remove everything from this --- on",
            )
        return node

    def _node(self, event: Event, *, depth: int) -> Node:
        place = self._place(event)
        if isinstance(event, AliasEvent):
            self._problems.add(place, "The alias *{name} is not supported", name=event.anchor)
            return Refused(place=place)
        if depth > _DEEPEST:
            self._problems.add(place, "This is nested too deeply")
            raise self._problems.error()
        refused = self._has_refused_marks(event)
        match event:
            case MappingStartEvent():
                node: Node = self._mapping(place, depth=depth)
            case SequenceStartEvent():
                node = self._items(place, depth=depth)
            case ScalarEvent():
                kind = _kind(event.value) if event.style is None else Kind.TEXT
                node = Scalar(place=place, kind=kind, text=event.value)
            case _:
                raise AssertionError(event)
        return Refused(place=place) if refused else node

    def _has_refused_marks(self, event: Event) -> bool:
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if anchor is not None:
            self._problems.add(
                self._place(event), "The anchor &{name} is not supported", name=short(anchor)
            )
        if tag is not None:
            self._problems.add(self._place(event), "The tag {tag} is not supported", tag=short(tag))
        return anchor is not None or tag is not None

    def _items(self, place: Location, *, depth: int) -> Items:
        items = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            items.append(self._node(event, depth=depth + 1))
        return Items(place=place, items=tuple(items))

    def _mapping(self, place: Location, *, depth: int) -> Mapping:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            key = self._node(event, depth=depth + 1)
            value = self._node(next(self._events), depth=depth + 1)
            if isinstance(key, Refused):
                continue
            if not isinstance(key, Scalar):
                self._problems.add(key.place, "A key must be one plain word")
            elif key.text == "<<" and key.kind is Kind.TEXT:
                self._problems.add(key.place, "The merge key << is not supported")
            elif first := entries.get(key.text):
                self._problems.add(
                    key.place,
                    'Duplicate key "{key}"; it is already in line {line}',
                    key=short(key.text),
                    line=first.place.line,
                )
            else:
                entries[key.text] = Entry(key=key.text, place=key.place, value=value)
        return Mapping(place=place, entries=tuple(entries.values()))

    def _place(self, event: Event) -> Location:
        return _location_of(event.start_mark, self._source)


def _kind(text: str) -> Kind:
    for pattern, kind in _KINDS:
        if pattern.fullmatch(text):
            return kind
    return Kind.TEXT
