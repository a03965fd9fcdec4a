"""Reads a recipe that anybody may have written: what a build.yaml may not say, it may not either.

Every value goes through the same checks as one of a config. What passes them has to be written
just as a manifest of ours writes it, so that there is one meaning and no unknown key.
"""

from typing import Any

from builder.basics.codec import to_data
from builder.basics.errors import UsageError, VerificationError
from builder.formats.recipe import Recipe
from builder.host.config import checks as rules
from builder.host.config.build_config import read_boot, read_live
from builder.host.config.compression_text import PRESETS, parse_compression
from builder.host.config.problems import Place, Problems
from builder.host.config.sections import Section
from builder.host.config.yaml_reader import Entry, Items, Kind, Mapping, Node, Scalar


def read_recipe(data: object) -> Recipe:
    """Return the recipe of a manifest's `recipe`.

    Raises VerificationError that names all that a config could not say either.
    """
    problems = Problems()
    top = Section(_node(data, "recipe"), problems)
    compression = top.section("compression")
    recipe = Recipe(
        compression=compression.text("name", PRESETS["standard"], parse_compression),
        live=read_live(top.section("live")),
        boot=read_boot(top.section("boot"), problems),
        exclude=top.texts("exclude", (), rules.exclude),
        name=top.text("name", None, rules.iso_name),
        volume_id=top.text("volume_id", None, rules.volume_id),
    )
    top.finish()
    try:
        problems.raise_if_any()
    except UsageError as error:
        raise VerificationError(
            "The manifest's recipe holds what no configuration can say:\n{problems}",
            problems=error.values["problems"],
        ) from error
    if to_data(recipe) != data:
        raise VerificationError(
            "The manifest's recipe is not complete, or contradicts itself",
            hint="It was edited, or written by another version of distroclone-builder.",
        )
    return recipe


def _node(data: Any, place: str) -> Node:
    """Return JSON as the values that the checks of a config take; `place` names it for people."""
    here = Place(source=place)
    match data:
        case dict():
            entries = (
                Entry(key=key, place=here, value=_node(value, f"{place}.{key[:80]}"))
                for key, value in data.items()
            )
            return Mapping(place=here, entries=tuple(entries))
        case list():
            items = (_node(item, f"{place}[{index}]") for index, item in enumerate(data))
            return Items(place=here, items=tuple(items))
        case _:
            return Scalar(place=here, kind=_kind(data), text="" if data is None else str(data))


def _kind(data: object) -> Kind:
    match data:
        case None:
            return Kind.NULL
        case bool():
            return Kind.TRUTH
        case int():
            return Kind.WHOLE
        case float():
            return Kind.NUMBER
        case _:
            return Kind.TEXT
