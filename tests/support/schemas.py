"""What a JSON Schema or a page says of a value, compared with its type."""

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping, Set
from enum import Enum
from typing import Any

_SCALARS = {str: "string", int: "integer", bool: "boolean"}
_LIST_OF_TEXTS = {"type": "array", "items": {"type": "string"}}


def inner(kind: Any) -> Any:
    """Return the type of an optional value, and any other type as it is."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        (found,) = [each for each in typing.get_args(kind) if each is not types.NoneType]
        return found
    return kind


def places(kind: Any, above: str = "", *, hidden: Set[str] = frozenset()) -> Iterator[str]:
    """Yield every field as a page writes it, `packages[].name`, but those that are not written."""
    for name, hint in _fields(kind).items():
        place, part = f"{above}{name}", inner(hint)
        if place in hidden:
            continue
        if typing.get_origin(part) is tuple:
            place, part = f"{place}[]", typing.get_args(part)[0]
        yield place
        if dataclasses.is_dataclass(part):
            yield from places(part, f"{place}.", hidden=hidden)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SchemaCheck:
    """How a type is written: `left_out` fields may be missing, and `hidden` ones always are."""

    left_out: Set[str] = frozenset()
    hidden: Set[str] = frozenset()

    def differences(self, kind: Any, schema: Mapping[str, Any], place: str = "") -> Iterator[str]:
        """Yield where a schema does not say of a value what its type says."""
        if not schema.get("description") and not place.endswith("[]"):
            yield f"{place}: no description"
        may_be_null = inner(kind) is not kind and place not in self.left_out
        kind = inner(kind)
        if dataclasses.is_dataclass(kind):
            yield from self._of_object(kind, schema, place)
            return
        if typing.get_origin(kind) is tuple:
            wanted: Any = "array"
            item = typing.get_args(kind)[0]
            yield from self.differences(item, schema.get("items", {}), f"{place}[]")
        elif typing.get_origin(kind) is Mapping:
            wanted = "object"
            if schema.get("additionalProperties") != _values(typing.get_args(kind)[1]):
                yield f"{place}: other values"
        elif issubclass(kind, Enum):
            wanted = "string"
            if set(schema.get("enum", ())) != {each.value for each in kind}:
                yield f"{place}: other words"
        else:
            wanted = _SCALARS[kind]
        if schema.get("type") != ([wanted, "null"] if may_be_null else wanted):
            yield f"{place}: another type"

    def _of_object(self, kind: Any, schema: Mapping[str, Any], place: str) -> Iterator[str]:
        above = f"{place}." if place else ""
        properties = schema.get("properties", {})
        fields = {n: each for n, each in _fields(kind).items() if above + n not in self.hidden}
        if (schema.get("type"), schema.get("additionalProperties")) != ("object", False):
            yield f"{place}: no strict object"
        required = {name for name in fields if above + name not in self.left_out}
        if set(schema.get("required", ())) != required:
            yield f"{place}: other fields are required"
        for name in sorted(fields.keys() ^ properties.keys()):
            yield f"{place}.{name}: only in one of them"
        for name in fields.keys() & properties.keys():
            yield from self.differences(fields[name], properties[name], above + name)


def _values(kind: Any) -> Mapping[str, Any]:
    return _LIST_OF_TEXTS if typing.get_origin(kind) is tuple else {"type": _SCALARS[kind]}


def _fields(kind: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {each.name: hints[each.name] for each in dataclasses.fields(kind)}
