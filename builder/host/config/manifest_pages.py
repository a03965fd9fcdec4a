"""Adds new settings to the manifest's schema and page, which have a recipe too.

What is there already stays as it is: those texts are written for whoever reads a manifest.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from builder.basics.codec import to_data
from builder.formats.recipe import PRIVATE_SETTINGS
from builder.host.config.recipe_settings import RECIPE
from builder.host.config.rule import Schema
from builder.host.config.setting import Setting

_PUBLIC: Final = {
    field: setting for field, setting in RECIPE.items() if field not in PRIVATE_SETTINGS
}
_KEYWORDS: Final = ("type", "enum", "minimum", "maximum")  # rules are for who writes a config
_ROW: Final = re.compile(r"^\| `recipe\.([a-z_.]+)(?:\[\])?` \| .*\n", re.MULTILINE)
_EXAMPLE: Final = re.compile(r'(?<=^  "recipe": \{\n)(?:    .*\n)+(?=  \},$)', re.MULTILINE)


def schema_with_settings(schema: str) -> str:
    """Return the JSON Schema of a manifest with every setting of a recipe."""
    whole = json.loads(schema)
    for field, setting in _PUBLIC.items():
        *above, name = field.split(".")
        part = whole["properties"]["recipe"]
        for each in above:
            part = part["properties"][each]
        if name not in part["properties"]:
            part["properties"][name] = _property(setting)
            part["required"].append(name)
    return json.dumps(whole, indent=2) + "\n"


def page_with_settings(page: str) -> str:
    """Return docs/manifest.md with every setting in its example and in its table of fields."""
    page = _EXAMPLE.sub(lambda found: _example(found[0]), page)
    for field, setting in _PUBLIC.items():
        rows = {found[1]: found for found in _ROW.finditer(page)}
        if field not in rows:
            section = field.rpartition(".")[0]
            last = [found for name, found in rows.items() if name.startswith(section)][-1]
            page = page[: last.end()] + _row(field, setting) + page[last.end() :]
    return page


def _property(setting: Setting[Any]) -> Schema:
    form = {"type": "string", **setting.form.schema()}
    kept = {name: value for name, value in form.items() if name in _KEYWORDS}
    if "items" in form:
        items = form["items"]
        kept["items"] = {name: value for name, value in items.items() if name in _KEYWORDS}
    if setting.default is None:
        kept["type"] = [kept["type"], "null"]
    return {"description": _meaning(setting), **kept}


def _row(field: str, setting: Setting[Any]) -> str:
    name = f"{field}[]" if isinstance(setting.default, tuple) else field
    return f"| `recipe.{name}` | {_meaning(setting)} |\n"


def _meaning(setting: Setting[Any]) -> str:
    null = f" Null: {setting.otherwise or 'none'}." if setting.default is None else ""
    return f"{setting.about}{null}"


def _example(lines: str) -> str:
    recipe = json.loads(f"{{{lines}}}")
    for field, setting in _PUBLIC.items():
        section, _, name = field.rpartition(".")
        _section(recipe, section).setdefault(name, to_data(setting.default))
    rows = (f"    {json.dumps(name)}: {_sorted(recipe[name])}" for name in sorted(recipe))
    return ",\n".join(rows) + "\n"


def _section(recipe: dict[str, Any], name: str) -> dict[str, Any]:
    section: dict[str, Any] = recipe[name] if name else recipe
    return section


def _sorted(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True)
