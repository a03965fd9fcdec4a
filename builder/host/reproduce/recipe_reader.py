"""Reads a recipe that anyone may have written: it may say only what a build.yaml may say.

Every value goes through the same checks as in a config. It must also be written exactly as a
manifest of ours writes it, so that it has one meaning and no unknown keys.
"""

from dataclasses import replace
from pathlib import Path

from builder.basics.codec import to_data
from builder.basics.errors import UsageError, VerificationError
from builder.formats.recipe import Recipe
from builder.host.config.forms import Reading
from builder.host.config.recipe_settings import RECIPE, USUAL
from builder.host.config.values import read_values, recipe_of
from builder.host.yaml.nodes import Kind, Mapping, Node, Scalar, node_of
from builder.host.yaml.problems import Problems
from builder.host.yaml.sections import Section


def read_recipe(data: object) -> Recipe:
    """Return the recipe of a manifest's `recipe`.

    Raises VerificationError that names everything that a config could not say.
    """
    problems = Problems()
    top = Section(_with_text_of_compression(node_of(data, "recipe"), problems), problems)
    values = read_values(top, RECIPE, Reading(problems=problems, folder=Path()))
    try:
        problems.raise_if_any()
    except UsageError as error:
        raise VerificationError(
            "The manifest's recipe has settings that no configuration can have:\n{problems}",
            problems=error.values["problems"],
        ) from error
    recipe = recipe_of(values, USUAL, RECIPE)
    if to_data(recipe) != data:
        raise VerificationError(
            "The manifest's recipe is incomplete or contradicts itself",
            hint="It was edited, or written by another version of distroclone-builder.",
        )
    return recipe


def _with_text_of_compression(top: Node, problems: Problems) -> Node:
    """Put the text form of a compression, which is its name, in the place of its fields."""
    if not isinstance(top, Mapping):
        return top
    entries = (
        replace(entry, value=_name(entry.value, problems)) if entry.key == "compression" else entry
        for entry in top.entries
    )
    return replace(top, entries=tuple(entries))


def _name(compression: Node, problems: Problems) -> Node:
    name = Section(compression, problems).value("name")
    return name or Scalar(place=compression.place, kind=Kind.NULL, text="")
