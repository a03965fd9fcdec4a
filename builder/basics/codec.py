"""Converts frozen values to plain data and back, checked against their annotations.

Everything that crosses between host and container goes through here, and so does every format that
one run writes and another reads. Only the types that our values use are supported: dataclasses,
tuples of one type, mappings from names to one type, enums, optional values, str, int, float, bool.
"""

import dataclasses
import functools
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Generic, TypeVar

Value = TypeVar("Value")
Place = tuple[str | int, ...]  # the fields and positions that lead to a value

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True)
_WORDS: Final[Mapping[type, str]] = {
    str: "a string", int: "a whole number", float: "a number", bool: "true or false",
    list: "a list", tuple: "a list", dict: "an object", types.NoneType: "null",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A field that the type does not define."""

    place: Place
    text: str  # its value, as JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Read(Generic[Value]):
    """A value, and where its data differs from what `to_data` would write."""

    value: Value
    unknown: tuple[Unknown, ...]
    absent: tuple[Place, ...]  # fields that were missing and got their defaults


def to_data(value: object) -> Any:
    """Return `value` as dicts, lists and scalars that `json` writes unchanged."""
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value):
        return {
            field.name: to_data(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, tuple | list):
        return [to_data(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): to_data(item) for name, item in value.items()}
    return value


def from_data(kind: type[Value], data: object) -> Value:
    """Build a `kind` from `data`.

    Raises ValueError, naming the place, for a missing or unknown field or a value of the wrong
    type.
    """
    top = kind.__name__
    found = read_data(kind, data, place=(top,))
    if found.unknown:
        message = f"{shown(found.unknown[0].place)}: unknown field"
        raise ValueError(message)
    return found.value


def read_data(kind: type[Value], data: object, *, place: Place = ()) -> Read[Value]:
    """Like `from_data`, but unknown fields are not an error: they are returned with the value.

    `place` is the position of `data` in a larger document.
    """
    reader = _Reader()
    value = typing.cast("Value", reader.read(kind, data, place))
    return Read(value=value, unknown=tuple(reader.unknown), absent=tuple(reader.absent))


def shown(place: Place) -> str:
    """Return a place as users read it: `packages[3].version`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return "".join(parts).removeprefix(".")


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one value, and collects unknown and missing fields."""

    unknown: list[Unknown] = field(default_factory=list)
    absent: list[Place] = field(default_factory=list)

    def read(self, kind: Any, data: Any, place: Place) -> Any:
        if typing.get_origin(kind) is not None:
            return self._composed(kind, data, place)
        if dataclasses.is_dataclass(kind):
            return self._dataclass(typing.cast("Any", kind), data, place)
        if isinstance(kind, type) and issubclass(kind, Enum):
            return _enum(kind, data, place)
        if kind is float and type(data) is int:
            return float(data)
        if kind in (str, int, float, bool) and type(data) is kind:
            return data
        raise _wrong(_WORDS.get(kind, str(kind)), data, place)

    def _composed(self, kind: Any, data: Any, place: Place) -> Any:
        origin = typing.get_origin(kind)
        if origin is tuple:
            return self._tuple(kind, data, place)
        if origin is Mapping:
            return self._mapping(kind, data, place)
        return self._optional(kind, data, place)

    def _optional(self, kind: Any, data: Any, place: Place) -> Any:
        if data is None:
            return None
        (inner,) = [part for part in typing.get_args(kind) if part is not types.NoneType]
        return self.read(inner, data, place)

    def _tuple(self, kind: Any, data: Any, place: Place) -> tuple[Any, ...]:
        if not isinstance(data, list | tuple):
            raise _wrong("a list", data, place)
        (inner, _ellipsis) = typing.get_args(kind)
        return tuple(self.read(inner, item, (*place, index)) for index, item in enumerate(data))

    def _mapping(self, kind: Any, data: Any, place: Place) -> Mapping[str, Any]:
        if not isinstance(data, Mapping):
            raise _wrong("an object", data, place)
        (_name, inner) = typing.get_args(kind)
        return {name: self.read(inner, item, (*place, name)) for name, item in data.items()}

    def _dataclass(self, kind: Any, data: Any, place: Place) -> Any:
        if not isinstance(data, Mapping):
            raise _wrong("an object", data, place)
        fields = {}
        for name, inner, required in _fields(kind):
            if name in data:
                fields[name] = self.read(inner, data[name], (*place, name))
            elif required:
                message = f"{shown((*place, name))}: missing"
                raise ValueError(message)
            else:
                self.absent.append((*place, name))
        if len(fields) < len(data):
            names = sorted(set(data) - set(fields))
            self.unknown.extend(_unknown((*place, name), data[name]) for name in names)
        return kind(**fields)


@functools.cache
def _fields(kind: Any) -> tuple[tuple[str, Any, bool], ...]:
    """Return the name and type of each field of a dataclass, and whether it is required."""
    hints = typing.get_type_hints(kind)
    none = dataclasses.MISSING
    return tuple(
        (each.name, hints[each.name], each.default is none and each.default_factory is none)
        for each in dataclasses.fields(kind)
    )


def _enum(kind: type[Enum], data: Any, place: Place) -> Enum:
    try:
        return kind(data)
    except ValueError as error:
        message = f"{shown(place)}: {error}"
        raise ValueError(message) from error


def _unknown(place: Place, data: Any) -> Unknown:
    try:
        return Unknown(place=place, text=_ENCODER.encode(data))
    except RecursionError as error:
        message = f"{shown(place)}: nested too deeply"
        raise ValueError(message) from error


def _wrong(expected: str, data: Any, place: Place) -> ValueError:
    found = _WORDS.get(type(data), type(data).__name__)
    return ValueError(f"{shown(place)}: expected {expected}, found {found}")
