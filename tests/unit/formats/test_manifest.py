"""The manifest as a public format: its type, its schema, its page, and what was ever written."""

import copy
import dataclasses
import json
import re
import types
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from builder.basics.errors import VerificationError
from builder.formats.manifest import MANIFEST_FORMAT, MAY_BE_LEFT_OUT, Manifest, manifest_text
from builder.host.reproduce.described_build import read_described_build
from builder.host.results.manifest_reader import read_manifest
from tests.support.manifests import without

PROJECT = Path(__file__).parents[3]
SCHEMA: dict[str, Any] = json.loads((PROJECT / "builder/data/manifest.schema.json").read_text())
PAGE = (PROJECT / "docs/manifest.md").read_text(encoding="utf-8")
WRITTEN = sorted((PROJECT / "fixtures/manifests").glob("*.json"))
WITHOUT_SOURCE = {"without-source", "without-source-and-changes"}
SCALARS = {str: "string", int: "integer", bool: "boolean"}
LEFT_OUT = {*MAY_BE_LEFT_OUT}


def written_today(name: str) -> dict[str, Any]:
    """Return a manifest of the fixtures with the defaults of what came later."""
    content = (PROJECT / f"fixtures/manifests/{name}.json").read_bytes()
    return dict(json.loads(manifest_text(read_manifest(content).said)))


def inner(kind: Any) -> Any:
    """Return the type of an optional value, and any other type as it is."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        (found,) = [each for each in typing.get_args(kind) if each is not types.NoneType]
        return found
    return kind


def fields_of(kind: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {each.name: hints[each.name] for each in dataclasses.fields(kind)}


def differences(kind: Any, schema: Mapping[str, Any], place: str = "") -> Iterator[str]:
    """Yield where a schema does not say of a value what its type says."""
    if not schema.get("description") and not place.endswith("[]"):
        yield f"{place}: no description"
    may_be_null = inner(kind) is not kind and place not in LEFT_OUT
    kind = inner(kind)
    if dataclasses.is_dataclass(kind):
        yield from object_differences(kind, schema, place)
        return
    if typing.get_origin(kind) is tuple:
        wanted: Any = "array"
        yield from differences(typing.get_args(kind)[0], schema.get("items", {}), f"{place}[]")
    elif typing.get_origin(kind) is Mapping:
        wanted = "object"
        if schema.get("additionalProperties") != {"type": SCALARS[typing.get_args(kind)[1]]}:
            yield f"{place}: other values"
    elif issubclass(kind, Enum):
        wanted = "string"
        if set(schema.get("enum", ())) != {each.value for each in kind}:
            yield f"{place}: other words"
    else:
        wanted = SCALARS[kind]
    if schema.get("type") != ([wanted, "null"] if may_be_null else wanted):
        yield f"{place}: another type"


def object_differences(kind: Any, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    fields, properties = fields_of(kind), schema.get("properties", {})
    if (schema.get("type"), schema.get("additionalProperties")) != ("object", False):
        yield f"{place}: no strict object"
    required = fields.keys() - (LEFT_OUT if kind is Manifest else set())
    if set(schema.get("required", ())) != required:
        yield f"{place}: other fields are required"
    for name in sorted(fields.keys() ^ properties.keys()):
        yield f"{place}.{name}: only in one of them"
    for name in fields.keys() & properties.keys():
        yield from differences(fields[name], properties[name], f"{place}.{name}".lstrip("."))


def places(kind: Any, above: str = "") -> Iterator[str]:
    """Yield every field as the page writes it: `packages[].name`."""
    for name, hint in fields_of(kind).items():
        place, part = f"{above}{name}", inner(hint)
        if typing.get_origin(part) is tuple:
            place, part = f"{place}[]", typing.get_args(part)[0]
        yield place
        if dataclasses.is_dataclass(part):
            yield from places(part, f"{place}.")


def test_the_schema_says_just_what_the_type_says() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert list(differences(Manifest, SCHEMA)) == []
    assert SCHEMA["properties"]["format"]["const"] == MANIFEST_FORMAT


@pytest.mark.parametrize(
    ("path", "value", "difference"),
    [
        ("properties.builder.type", "integer", "builder: another type"),
        ("properties.builder.description", "", "builder: no description"),
        ("properties.snapshot.properties.number.type", "integer", "snapshot.number: another type"),
        ("properties.snapshot.properties.kind.enum", ["raw"], "snapshot.kind: other words"),
        ("properties.packages.items.required", [], "packages[]: other fields are required"),
        ("properties.tools.additionalProperties", True, "tools: other values"),
        ("properties.more", {"type": "string"}, ".more: only in one of them"),
        ("properties.recipe.additionalProperties", True, "recipe: no strict object"),
    ],
)
def test_a_schema_that_says_something_else_would_be_found(
    path: str, value: object, difference: str
) -> None:
    schema = copy.deepcopy(SCHEMA)
    *above, last = path.split(".")
    part = schema
    for key in above:
        part = part[key]
    part[last] = value
    assert list(differences(Manifest, schema)) == [difference]


def test_the_page_explains_every_field_and_no_other() -> None:
    table = PAGE.split("\n## Fields\n", 1)[1].split("\n## ", 1)[0]
    explained = re.findall(r"^\| `([^`]+)` \| \S", table, re.MULTILINE)
    assert sorted(explained) == sorted(places(Manifest))


def test_the_example_of_the_page_is_a_manifest() -> None:
    example = PAGE.split("```json\n", 1)[1].split("```", 1)[0]
    Draft202012Validator(SCHEMA).validate(json.loads(example))
    assert read_described_build(example.encode()).iso == "Debian-13-console.iso"
    assert read_manifest(example.encode()).absent == (), "the page shows what is written today"


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.stem)
def test_what_was_ever_written_is_still_read(path: Path) -> None:
    content = path.read_bytes()
    found = read_manifest(content)
    today = manifest_text(found.said)
    Draft202012Validator(SCHEMA).validate(json.loads(today))
    assert without(today, found.absent).encode() == content
    assert found.unknown == ()


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.stem)
def test_what_lacks_its_source_or_a_setting_cannot_be_reproduced(path: Path) -> None:
    found = read_manifest(path.read_bytes())
    if not found.recipe.absent and path.stem not in WITHOUT_SOURCE:
        assert read_described_build(path.read_bytes()).tree.digest == found.tree
        return
    with pytest.raises(VerificationError, match=r"does not name its source tree|is incomplete"):
        read_described_build(path.read_bytes())


def test_there_are_manifests_of_each_kind() -> None:
    assert {path.stem for path in WRITTEN} >= WITHOUT_SOURCE | {"console", "tiny"}
    lacking = [read_manifest(path.read_bytes()).absent for path in WRITTEN]
    assert any(all(place[0] == "recipe" for place in absent) for absent in lacking)


def test_a_manifest_without_the_journal_of_changes_can_be_reproduced() -> None:
    data = written_today("console")
    del data["changes"]
    described = read_described_build(json.dumps(data).encode())
    assert described.manifest.said.changes is None


def test_the_schema_refuses_what_no_build_writes() -> None:
    whole = written_today("console")
    validator = Draft202012Validator(SCHEMA)
    changes: tuple[dict[str, object], ...] = (
        {"format": 2}, {"more": 1}, {"source": None}, {"changes": None}, {"medium_id": "x"},
        {"artefacts": []}, {"image": {"id": "debian:latest", "locked": True}}, {"packages": [{}]},
    )  # fmt: skip
    for changed in changes:
        assert not validator.is_valid(whole | changed), changed
    for name in whole:
        left = {key: value for key, value in whole.items() if key != name}
        assert validator.is_valid(left) is (name in LEFT_OUT), name
