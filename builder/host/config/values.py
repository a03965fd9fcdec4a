"""The values given for settings, in a file or as flags, and where."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from builder.formats.recipe import Recipe
from builder.host.config.forms import Reading
from builder.host.config.setting import Setting
from builder.host.yaml.problems import Location
from builder.host.yaml.sections import Section

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One value as it was read."""

    value: Any  # of the setting's type
    place: Location


class Values:
    """The given values, by setting; a missing one has its default."""

    def __init__(self, given: Mapping[Setting[Any], Given]) -> None:
        self._given = given

    def of(self, setting: Setting[Value]) -> Value:
        """Return what was given, or the default."""
        return self._given[setting].value if setting in self._given else setting.default

    def has(self, setting: Setting[Any]) -> bool:
        """Whether the setting was given."""
        return setting in self._given

    def place_of(self, setting: Setting[Any]) -> Location:
        """Return where the setting was given."""
        return self._given[setting].place

    def over(self, others: "Values") -> "Values":
        """Return these, and for what is missing the others."""
        return Values({**others._given, **self._given})


def read_values(top: Section, settings: Mapping[str, Setting[Any]], reading: Reading) -> Values:
    """Read each setting below its key, and report the keys that belong to none.

    An unusable value is added to the problems and counts as not given, so that reading continues
    and finds the other problems.
    """
    sections = {"": top}
    given: dict[Setting[Any], Given] = {}
    for key, setting in settings.items():
        above, _, name = key.rpartition(".")
        if above not in sections:
            sections[above] = top.section(above)
        node = sections[above].value(name)
        if node is not None and (value := setting.form.read(node, reading)) is not None:
            given[setting] = Given(value=value, place=node.place)
    for section in sections.values():
        section.finish()
    return Values(given)


def recipe_of(values: Values, usual: Recipe, settings: Mapping[str, Setting[Any]]) -> Recipe:
    """Return the recipe with each field that has a setting as that was given."""
    recipe = usual
    for field, setting in settings.items():
        recipe = _with(recipe, field, values.of(setting))
    return recipe


def _with(owner: Any, field: str, value: object) -> Any:
    name, _, below = field.partition(".")
    return replace(owner, **{name: _with(getattr(owner, name), below, value) if below else value})
