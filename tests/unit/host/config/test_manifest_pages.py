"""A setting that decides bytes gets into the manifest's schema and page by itself."""

import json
from pathlib import Path

import pytest

from builder.formats.recipe import PRIVATE_SETTINGS, BootEntry
from builder.host.config.manifest_pages import page_with_settings, schema_with_settings
from builder.host.config.pages import MANIFEST_PAGE, MANIFEST_SCHEMA

PROJECT = Path(__file__).parents[4]
SCHEMA = (PROJECT / MANIFEST_SCHEMA).read_text(encoding="utf-8")
PAGE = (PROJECT / MANIFEST_PAGE).read_text(encoding="utf-8")
_ENTRIES = [entry.value for entry in BootEntry]


@pytest.mark.parametrize(
    ("above", "name", "kind"),
    [
        (("boot",), "timeout_seconds", {"type": "integer", "minimum": 0, "maximum": 600}),
        (("live",), "locale", {"type": ["string", "null"]}),
        (("live",), "groups", {"type": "array", "items": {"type": "string"}}),
        (("boot",), "entries", {"type": "array", "items": {"type": "string", "enum": _ENTRIES}}),
    ],
)
def test_a_setting_that_the_schema_lacks_is_added(
    above: tuple[str, ...], name: str, kind: dict[str, object]
) -> None:
    whole = json.loads(SCHEMA)
    part = whole["properties"]["recipe"]
    for each in above:
        part = part["properties"][each]
    del part["properties"][name]
    part["required"].remove(name)
    found = json.loads(schema_with_settings(json.dumps(whole)))["properties"]["recipe"]
    for each in above:
        found = found["properties"][each]
    added = found["properties"][name]
    assert added.pop("description")
    assert added == kind
    assert name in found["required"]


@pytest.mark.parametrize(
    ("row", "example"),
    [
        ("`recipe.boot.timeout_seconds`", ', "timeout_seconds": 5'),
        ("`recipe.live.groups[]`", ""),
        ("`recipe.name`", '    "name": null,\n'),
    ],
)
def test_a_setting_that_the_page_lacks_is_added(row: str, example: str) -> None:
    assert PAGE.count(example or row)
    lines = [line for line in PAGE.splitlines(keepends=True) if f"| {row} |" not in line]
    short = "".join(lines).replace(example, "") if example else "".join(lines)
    page = page_with_settings(short)
    assert page.count(f"| {row} | ") == 1
    without_row = [line for line in page.splitlines(keepends=True) if f"| {row} |" not in line]
    assert without_row == lines


def test_a_private_setting_is_never_added() -> None:
    schema, page = schema_with_settings(SCHEMA), page_with_settings(PAGE)
    recipe = json.dumps(json.loads(schema)["properties"]["recipe"])
    example = page.split('  "recipe": {\n', 1)[1].split("\n  },\n", 1)[0]
    for name in (each.rpartition(".")[2] for each in PRIVATE_SETTINGS):
        assert [text for text in (recipe, example) if f'"{name}"' in text] == []
        assert f"| `recipe.{name}" not in page


def test_what_is_there_stays() -> None:
    assert schema_with_settings(SCHEMA) == SCHEMA
    assert page_with_settings(PAGE) == PAGE
