"""Good and bad configs under fixtures/configs: what the loader and the JSON Schema say of them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from builder.basics.errors import ExitCode, UsageError
from builder.host.config.build_config import Overrides, load_config

PROJECT = Path(__file__).parents[4]
CONFIGS = PROJECT / "fixtures" / "configs"
EXAMPLE = PROJECT / "docs" / "build.yaml"
SCHEMA: dict[str, Any] = json.loads((PROJECT / "builder/data/build.schema.json").read_text())
GOOD = sorted(path.stem for path in (CONFIGS / "good").iterdir())
BAD = sorted(path.stem for path in (CONFIGS / "bad").iterdir())
EXPECTED: dict[str, Any] = json.loads((CONFIGS / "expected.json").read_text(encoding="utf-8"))
SEEN_BY_SCHEMA = sorted(name for name, row in EXPECTED.items() if row["schema_sees_it"])


class EditorLoader(yaml.SafeLoader):
    """Reads plain values as editors do, by the core schema of YAML 1.2."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's way


for tag, pattern in {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?",
}.items():
    EditorLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), None
    )


def as_an_editor_sees_it(path: Path) -> object:
    with path.open(encoding="utf-8-sig") as stream:
        return yaml.load(stream, Loader=EditorLoader)  # noqa: S506 - a SafeLoader


def schema_accepts(path: Path) -> bool:
    return Draft202012Validator(SCHEMA).is_valid(as_an_editor_sees_it(path))


def keys_of(schema: dict[str, Any], prefix: str = "") -> set[str]:
    keys = set()
    for name, below in schema.get("properties", {}).items():
        keys |= {prefix + name} | keys_of(below, f"{prefix}{name}.")
    return keys


def test_every_bad_config_has_its_row_in_the_table() -> None:
    assert set(BAD) == set(EXPECTED)


def test_the_schema_is_a_valid_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", GOOD)
def test_loader_and_schema_accept_a_good_config(name: str) -> None:
    path = CONFIGS / "good" / f"{name}.yaml"
    load_config(path, Overrides())
    assert schema_accepts(path)


@pytest.mark.parametrize("name", BAD)
def test_every_problem_of_a_bad_config_is_reported_with_its_place(name: str) -> None:
    path = CONFIGS / "bad" / f"{name}.yaml"
    with pytest.raises(UsageError) as caught:
        load_config(path, Overrides())
    assert caught.value.exit_code is ExitCode.USAGE
    _headline, *lines = str(caught.value).splitlines()
    problems = EXPECTED[name]["problems"]
    assert len(lines) == len(problems), lines
    for line, (place, fragment) in zip(lines, problems, strict=True):
        assert line.startswith(f"{path}:{place}: ")
        assert fragment in line


@pytest.mark.parametrize("name", SEEN_BY_SCHEMA)
def test_the_schema_refuses_a_bad_config_too(name: str) -> None:
    assert not schema_accepts(CONFIGS / "bad" / f"{name}.yaml")


def test_the_example_is_the_default_configuration() -> None:
    assert load_config(EXAMPLE, Overrides()) == load_config(None, Overrides())
    assert schema_accepts(EXAMPLE)


def test_the_example_shows_exactly_the_keys_of_the_schema() -> None:
    example = as_an_editor_sees_it(EXAMPLE)
    assert isinstance(example, dict)
    shown = set(example)
    for section, below in example.items():
        if isinstance(below, dict):
            shown |= {f"{section}.{key}" for key in below}
    assert shown == keys_of(SCHEMA)


def test_the_example_tells_editors_where_the_schema_is() -> None:
    first = EXAMPLE.read_text(encoding="utf-8").splitlines()[0]
    named = first.removeprefix("# yaml-language-server: $schema=")
    assert json.loads((EXAMPLE.parent / named).read_text()) == SCHEMA


def test_the_defaults_that_the_schema_shows_are_the_loaders(tmp_path: Path) -> None:
    spelled_out: dict[str, Any] = {"version": 1}
    for name, below in SCHEMA["properties"].items():
        if "default" in below:
            spelled_out[name] = below["default"]
        for key, value in below.get("properties", {}).items():
            if "default" in value:
                spelled_out.setdefault(name, {})[key] = value["default"]
    path = tmp_path / "build.yaml"
    path.write_text(json.dumps(spelled_out))
    assert len(keys_of(SCHEMA)) > len(spelled_out) > 3
    assert load_config(path, Overrides()) == load_config(None, Overrides())
