"""Frozen values to plain data and back, checked against their annotations.

Everything that crosses between host and container goes through here. Only what our values use is
known: dataclasses, tuples of one type, enums, optional values, str, int, float and bool.
"""

import dataclasses
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

Value = TypeVar("Value")


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
    return typing.cast("Value", _decode(kind, data, kind.__name__))


def _decode(kind: Any, data: Any, place: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _decode_optional(kind, data, place)
    if origin is tuple:
        return _decode_tuple(kind, data, place)
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(typing.cast("type[Any]", kind), data, place)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(data)
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if kind in (str, int, float, bool) and type(data) is kind:
        return data
    message = f"{place}: expected {kind}, found {type(data).__name__}"
    raise ValueError(message)


def _decode_optional(kind: Any, data: Any, place: str) -> Any:
    if data is None:
        return None
    (inner,) = [part for part in typing.get_args(kind) if part is not types.NoneType]
    return _decode(inner, data, place)


def _decode_tuple(kind: Any, data: Any, place: str) -> tuple[Any, ...]:
    if not isinstance(data, list | tuple):
        message = f"{place}: expected a list, found {type(data).__name__}"
        raise ValueError(message)
    (inner, _ellipsis) = typing.get_args(kind)
    return tuple(_decode(inner, item, f"{place}[{index}]") for index, item in enumerate(data))


def _decode_dataclass(kind: type[Any], data: Any, place: str) -> Any:
    if not isinstance(data, Mapping):
        message = f"{place}: expected a mapping, found {type(data).__name__}"
        raise ValueError(message)
    hints = typing.get_type_hints(kind)
    names = {field.name for field in dataclasses.fields(kind)}
    if unknown := sorted(set(data) - names):
        message = f"{place}: unknown field {unknown[0]!r}"
        raise ValueError(message)
    fields = {
        name: _decode(hints[name], data[name], f"{place}.{name}") for name in names & set(data)
    }
    try:
        return kind(**fields)
    except TypeError as error:
        message = f"{place}: {error}"
        raise ValueError(message) from error
