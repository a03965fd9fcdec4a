"""The JSON Schema of build.yaml, for editors."""

from collections.abc import Iterable
from itertools import combinations
from typing import Any, Final

from builder.host.config import settings
from builder.host.config.setting import Setting
from builder.host.config.words import plain

_TOP: Final = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "build.yaml of distroclone-builder",
    "description": "A key that is left out, or null, keeps its default.",
    "type": "object",
    "additionalProperties": False,
    "required": [settings.VERSION.key],
}


def json_schema() -> dict[str, Any]:
    """Return what can be said of a config without reading it line by line."""
    properties: dict[str, Any] = {}
    for setting in settings.KEYS.values():
        owner = properties
        if setting.section:
            owner = properties.setdefault(setting.section, _section(setting.section))["properties"]
        owner[setting.name] = _setting(setting)
    properties["source"]["allOf"] = [
        _not_both(*pair) for pair in combinations((each.name for each in settings.SOURCES), 2)
    ]
    return {**_TOP, "properties": properties}


def _section(name: str) -> dict[str, Any]:
    return {
        "description": settings.SECTIONS[name],
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {},
    }


def _setting(setting: Setting[Any]) -> dict[str, Any]:
    otherwise = f" Default: {setting.otherwise}." if setting.otherwise else ""
    schema = {"description": setting.about + otherwise, **setting.form.schema()}
    if setting is settings.VERSION:
        return schema
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], None]
    else:
        schema["type"] = [*_several(schema["type"]), "null"]
    return schema if setting.default is None else {**schema, "default": plain(setting.default)}


def _several(words: str | Iterable[str]) -> Iterable[str]:
    return [words] if isinstance(words, str) else words


def _not_both(first: str, second: str) -> dict[str, Any]:
    names = (first, second)
    given = {name: {"type": "string"} for name in names}
    return {"not": {"type": "object", "required": [*names], "properties": given}}
