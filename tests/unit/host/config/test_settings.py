"""The declarations of settings: complete, of the right types; the files that are made from them."""

import dataclasses
import shutil
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from jsonschema import Draft202012Validator

from builder.basics.codec import from_data, to_data
from builder.basics.errors import UsageError
from builder.formats.recipe import Compression, Recipe
from builder.host.cli.root import cli
from builder.host.config import settings
from builder.host.config.compression_schema import compression
from builder.host.config.compression_text import PRESETS
from builder.host.config.forms import Reading
from builder.host.config.pages import pages, write
from builder.host.config.recipe_settings import RECIPE, USUAL
from builder.host.config.setting import Setting
from builder.host.config.values import Values, recipe_of
from builder.host.config.words import plain
from builder.host.yaml.nodes import node_of
from builder.host.yaml.problems import Problems

PROJECT = Path(__file__).parents[4]
ALL = {**settings.KEYS, **settings.FLAGS}


def leaves(kind: type[Any], prefix: str = "") -> Iterator[str]:
    """Yield each field of the recipe; a compression is one, for it is written by its name."""
    hints = typing.get_type_hints(kind)
    for name, hint in hints.items():
        if dataclasses.is_dataclass(hint) and hint is not Compression:
            yield from leaves(typing.cast("type[Any]", hint), f"{prefix}{name}.")
        else:
            yield prefix + name


def read(setting: Setting[Any], data: object) -> Any:
    problems = Problems()
    value = setting.form.read(node_of(data, "here"), Reading(problems=problems, folder=Path("/")))
    problems.raise_if_any()
    return value


def test_every_field_of_the_recipe_is_a_setting_and_nothing_else_is() -> None:
    assert set(leaves(Recipe)) == set(RECIPE)
    assert set(RECIPE.values()) <= set(settings.KEYS.values())


def test_every_setting_that_is_declared_is_read() -> None:
    declared = {each for each in vars(settings).values() if isinstance(each, Setting)}
    assert declared <= {*ALL.values()}


def test_the_default_of_a_setting_is_that_of_the_recipe() -> None:
    assert Recipe(compression=PRESETS["standard"]) == USUAL
    for field, setting in RECIPE.items():
        value: Any = USUAL
        for name in field.split("."):
            value = getattr(value, name)
        assert setting.default == value, field
    assert recipe_of(Values({}), USUAL, RECIPE) == USUAL


def test_what_a_setting_reads_is_of_its_fields_type() -> None:
    recipe = USUAL
    for field, setting in RECIPE.items():
        value = read(setting, setting.example or plain(setting.default))
        recipe = recipe_of(Values({}), recipe, {field: dataclasses.replace(setting, default=value)})
    assert from_data(Recipe, to_data(recipe)) == recipe


@pytest.mark.parametrize("setting", ALL.values(), ids=ALL.keys())
def test_default_and_example_are_possible(setting: Setting[Any]) -> None:
    for value in (plain(setting.default), setting.example or None):
        if value is not None:
            assert read(setting, value) is not None
            assert Draft202012Validator(setting.form.schema()).is_valid(value)
    assert not (setting.example and setting.default is not None)


@pytest.mark.parametrize("setting", ALL.values(), ids=ALL.keys())
def test_a_setting_is_described_in_one_sentence(setting: Setting[Any]) -> None:
    assert setting.about[0].isupper()
    assert setting.about.endswith(".")
    assert "\n" not in setting.about
    assert not setting.otherwise.endswith(".")


def test_every_flag_of_a_setting_is_one_of_build() -> None:
    parameters = {each.name: each for each in cli.commands["build"].params}
    for name, setting in settings.FLAGS.items():
        assert setting.flag is not None
        shown = parameters[name]
        assert isinstance(shown, click.Argument) is setting.flag.is_argument
        if isinstance(shown, click.Option):
            assert shown.opts == [setting.flag.name]
            assert (shown.help or "").startswith(setting.about.removesuffix("."))


@pytest.mark.parametrize("path", pages(PROJECT), ids=str)
def test_a_file_that_is_made_from_the_settings_is_fresh(path: Path) -> None:
    fresh = pages(PROJECT)[path]
    assert (PROJECT / path).read_text("utf-8") == fresh, (
        "stale; write it with: .venv/bin/python -m builder.host.config.pages"
    )
    assert max(map(len, fresh.splitlines())) <= 100 or path.suffix != ".yaml"


def test_a_stale_file_is_written_anew(tmp_path: Path) -> None:
    for path in pages(PROJECT):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / path, tmp_path / path)
    manual = tmp_path / "docs/cli.md"
    manual.write_text(manual.read_text("utf-8").replace("--staging HOW", "--old"), "utf-8")
    (tmp_path / "docs/build.yaml").write_text("version: 0\n")
    write(tmp_path)
    for path in pages(PROJECT):
        assert (tmp_path / path).read_bytes() == (PROJECT / path).read_bytes()


@pytest.mark.parametrize(
    "text",
    [
        "fast", "distroclone-max", "max,level=3", "zstd", "zstd,level=1", "zstd,level=22",
        "zstd,level=0", "zstd,level=23", "zstd,level=01", "zstd,level=9,level=9", "zstd,level=",
        "zstd,filters=x86", "zstd,block=256K,level=15", "zstd ,level=3", "zstd,", "ZSTD", "",
        "lz4", "lz4,block=4k", "lz4,block=2K", "lz4,block=1M", "lz4,block=2M", "lz4,level=1",
        "lz4,block=4K,block=4K", "lz4,block=4096", "lz4,block=4097", "lz4,block=1024K",
        "xz,filters=x86", "xz,filters=x86+arm", "xz,filters=x86+x86", "xz,filters=arm+armthumb",
        "xz,filters=mips", "xz,filters=", "xz,filters=arm+x86+arm,block=1m", "xz,block=1M", "gzip",
    ],
)  # fmt: skip
def test_a_compression_is_the_same_to_editors_and_to_the_loader(text: str) -> None:
    try:
        compression(text)
    except UsageError:
        possible = False
    else:
        possible = True
    assert Draft202012Validator(compression.schema).is_valid(text) is possible
