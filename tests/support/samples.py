"""A value of any of our types, made from its annotations alone."""

import dataclasses
import types
import typing
from enum import Enum
from typing import Any, TypeVar

Value = TypeVar("Value")

_SIMPLE = {str: "wörds {x}", int: 7, float: 0.5, bool: True}


def sample(kind: type[Value], *, bare: bool = False) -> Value:
    """Return a value of `kind`, with all that is optional; `bare` leaves that out."""
    return typing.cast("Value", _sample(kind, bare=bare))


def _sample(kind: Any, *, bare: bool) -> Any:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        (wanted,) = [each for each in inner if each is not types.NoneType]
        return None if bare else _sample(wanted, bare=bare)
    if origin is tuple:
        return () if bare else (_sample(inner[0], bare=bare), _sample(inner[0], bare=bare))
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        names = [each.name for each in dataclasses.fields(kind)]
        return kind(**{name: _sample(hints[name], bare=bare) for name in names})  # type: ignore[operator]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return [*kind][0 if bare else -1]
    return _SIMPLE[kind]
