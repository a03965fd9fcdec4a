"""A recipe in two parts: what anyone may read, and the settings that are the user's own.

Patterns name what a person has and does not want to hand on, so a manifest says only how many there
are. `PRIVATE_SETTINGS` lists them once; whatever is added there is treated like the others.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, TypeVar

from builder.basics.codec import Place, Read, to_data
from builder.formats.recipe import PRIVATE_SETTINGS, Recipe

Value = TypeVar("Value")
Settings = Mapping[str, tuple[str, ...]]  # by dotted name; a text is a tuple of one


def private_settings(recipe: Recipe) -> Settings:
    """Return the private settings that say anything."""
    found = {name: _value(recipe, name) for name in PRIVATE_SETTINGS}
    return {
        name: value if isinstance(value, tuple) else (value,)
        for name, value in found.items()
        if value
    }


def public_recipe(recipe: Recipe) -> Recipe:
    """Return the recipe with every private setting at its default."""
    for name in PRIVATE_SETTINGS:
        recipe = _changed(recipe, name, _default(recipe, name))
    return recipe


def whole_recipe(public: Recipe, settings: Settings) -> Recipe:
    """Return the recipe with these private settings: the inverse of the two functions above.

    Raises ValueError for one that is none, or that cannot have so many values.
    """
    for name, values in settings.items():
        if name not in PRIVATE_SETTINGS:
            message = f"{name}: not a private setting"
            raise ValueError(message)
        is_list = isinstance(_default(public, name), tuple)
        if not is_list and len(values) != 1:
            message = f"{name}: {len(values)} values, not one"
            raise ValueError(message)
        public = _changed(public, name, values if is_list else values[0])
    return public


def public_data(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe as plain data without the private settings."""
    data: dict[str, Any] = to_data(recipe)
    for dotted in PRIVATE_SETTINGS:
        *above, name = dotted.split(".")
        part: dict[str, Any] = functools.reduce(lambda inner, key: inner[key], above, data)
        del part[name]
    return data


def private_places(*above: str) -> tuple[Place, ...]:
    """Return where the private settings would be in a document that has the recipe at `above`."""
    return tuple((*above, *name.split(".")) for name in PRIVATE_SETTINGS)


def has_place(data: object, place: Place) -> bool:
    """Whether a document has this place."""
    for key in place:
        if not isinstance(data, Mapping) or key not in data:
            return False
        data = data[key]
    return True


def without_private(read: Read[Value], *above: str) -> Read[Value]:
    """Return what was read; the recipe at `above` may lack private settings."""
    private = private_places(*above)
    absent = tuple(place for place in read.absent if place not in private)
    return Read(value=read.value, unknown=read.unknown, absent=absent)


def _value(recipe: Recipe, name: str) -> Any:
    return functools.reduce(getattr, name.split("."), recipe)


def _default(recipe: Recipe, name: str) -> Any:
    *above, field = name.split(".")
    part = functools.reduce(getattr, above, recipe)
    return next(each.default for each in dataclasses.fields(part) if each.name == field)


def _changed(part: Any, name: str, value: Any) -> Any:
    first, _, rest = name.partition(".")
    inner = _changed(getattr(part, first), rest, value) if rest else value
    return dataclasses.replace(part, **{first: inner})
