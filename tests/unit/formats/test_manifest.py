"""The manifest as a public format: its type, its schema, its page, and what was ever written."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from builder.basics.codec import to_data
from builder.basics.errors import VerificationError
from builder.formats.manifest import MANIFEST_FORMAT, MAY_BE_LEFT_OUT, Manifest, manifest_text
from builder.formats.private_record import PrivateFile
from builder.formats.recipe import PRIVATE_SETTINGS
from builder.host.reproduce.described_build import read_described_build
from builder.host.results.manifest_reader import ReadManifest, read_manifest
from builder.host.results.private_reader import read_private
from tests.support.manifests import without
from tests.support.schemas import SchemaCheck, places

PROJECT = Path(__file__).parents[3]
SCHEMA: dict[str, Any] = json.loads((PROJECT / "builder/data/manifest.schema.json").read_text())
PAGE = (PROJECT / "docs/manifest.md").read_text(encoding="utf-8")
WRITTEN = sorted((PROJECT / "fixtures/manifests").glob("*.json"))
WITHOUT_SOURCE = {"without-source", "without-source-and-changes"}
LEFT_OUT = {*MAY_BE_LEFT_OUT}
HIDDEN = {f"recipe.{name}" for name in PRIVATE_SETTINGS}
CHECK = SchemaCheck(left_out=LEFT_OUT, hidden=HIDDEN)
OF_FORMAT_ONE = [path for path in WRITTEN if json.loads(path.read_bytes())["format"] == 1]
OF_TODAY = [path for path in WRITTEN if path not in OF_FORMAT_ONE]


def read(path: Path) -> ReadManifest:
    return read_manifest(path.read_bytes())


def private_of(_stem: str) -> PrivateFile:
    return read_private((PROJECT / "fixtures/private/patterns.json").read_bytes(), name="x")


def written_today(name: str) -> dict[str, Any]:
    """Return a manifest of the fixtures with the defaults of what came later."""
    return dict(json.loads(manifest_text(read(PROJECT / f"fixtures/manifests/{name}.json").said)))


def test_the_schema_says_just_what_the_type_says() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert list(CHECK.differences(Manifest, SCHEMA)) == []
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
        (
            "properties.recipe.properties.exclude",
            {"type": "array"},
            "recipe.exclude: only in one of them",
        ),
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
    assert list(CHECK.differences(Manifest, schema)) == [difference]


def test_the_page_explains_every_field_and_no_other() -> None:
    table = PAGE.split("\n## Fields\n", 1)[1].split("\n## ", 1)[0]
    explained = re.findall(r"^\| `([^`]+)` \| \S", table, re.MULTILINE)
    assert sorted(explained) == sorted(places(Manifest, hidden=HIDDEN))


def test_the_example_of_the_page_is_a_manifest() -> None:
    example = PAGE.split("```json\n", 1)[1].split("```", 1)[0]
    Draft202012Validator(SCHEMA).validate(json.loads(example))
    assert read_described_build(example.encode()).iso == "Debian-13-console.iso"
    assert read_manifest(example.encode()).absent == (), "the page shows what is written today"


@pytest.mark.parametrize("path", OF_TODAY, ids=lambda path: path.stem)
def test_what_was_ever_written_in_this_format_is_still_read(path: Path) -> None:
    content = path.read_bytes()
    found = read_manifest(content)
    today = manifest_text(found.said)
    Draft202012Validator(SCHEMA).validate(json.loads(today))
    assert without(today, found.absent).encode() == content
    assert (found.unknown, found.own_private) == ((), None)


@pytest.mark.parametrize("path", OF_FORMAT_ONE, ids=lambda path: path.stem)
def test_what_was_ever_written_in_format_1_is_still_read(path: Path) -> None:
    content = json.loads(path.read_bytes())
    found = read_manifest(path.read_bytes())
    assert found.unknown == ()
    assert found.own_private is not None
    private = to_data(found.own_private)
    again = json.loads(without(json.dumps(to_data(found.said)), found.absent))
    again["snapshot"]["description"] = private["description"]
    if "changes" in content:
        again["changes"] = private["record"]["changes"]
        assert sum(each.count for each in found.said.changes or ()) == len(content["changes"])
    assert again == content
    assert private["record"]["settings"].get("exclude", []) == content["recipe"]["exclude"]


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.stem)
def test_what_lacks_its_source_or_a_setting_cannot_be_reproduced(path: Path) -> None:
    found = read_manifest(path.read_bytes())
    if not found.recipe.absent and path.stem not in WITHOUT_SOURCE:
        described = read_described_build(path.read_bytes(), find_private=private_of)
        assert described.tree.digest == found.tree
        return
    with pytest.raises(VerificationError, match=r"does not name its source tree|is incomplete"):
        read_described_build(path.read_bytes())


def test_there_are_manifests_of_each_kind() -> None:
    assert {path.stem for path in OF_FORMAT_ONE} >= WITHOUT_SOURCE | {"console", "tiny"}
    assert {path.stem for path in OF_TODAY} >= {"plain", "patterns"}
    lacking = [read_manifest(path.read_bytes()).absent for path in WRITTEN]
    assert any(all(place[0] in {"recipe", *LEFT_OUT} for place in absent) for absent in lacking)
    digests = [each.said.private and each.said.private.digest for each in map(read, OF_TODAY)]
    assert None in digests
    assert len(set(digests)) > 1


def test_a_manifest_without_the_journal_of_changes_can_be_reproduced() -> None:
    data = written_today("plain")
    del data["changes"]
    described = read_described_build(json.dumps(data).encode())
    assert described.manifest.said.changes is None


def test_the_schema_refuses_what_no_build_writes() -> None:
    whole = written_today("plain")
    validator = Draft202012Validator(SCHEMA)
    changes: tuple[dict[str, object], ...] = (
        {"format": 1}, {"more": 1}, {"source": None}, {"changes": None}, {"medium_id": "x"},
        {"artefacts": []}, {"image": {"id": "debian:latest", "locked": True}}, {"packages": [{}]},
        {"recipe": whole["recipe"] | {"exclude": []}}, {"private": {"digest": "", "settings": {}}},
        {"snapshot": whole["snapshot"] | {"description": "weekly"}},
    )  # fmt: skip
    for changed in changes:
        assert not validator.is_valid(whole | changed), changed
    for name in whole:
        left = {key: value for key, value in whole.items() if key != name}
        assert validator.is_valid(left) is (name in LEFT_OUT), name
