"""A recipe without its private settings, and with them again."""

from dataclasses import replace

import pytest

from builder.formats.private_settings import (
    private_settings,
    public_data,
    public_recipe,
    whole_recipe,
)
from builder.formats.recipe import PRIVATE_SETTINGS, LiveSettings, Recipe
from builder.host.config.compression_text import PRESETS
from builder.host.config.recipe_settings import USUAL

RECIPE = Recipe(compression=PRESETS["max"], exclude=("/srv/acme", "/opt/*"), name="Mine")


def test_a_recipe_is_its_public_part_and_its_private_settings() -> None:
    public, settings = public_recipe(RECIPE), private_settings(RECIPE)
    assert (public.exclude, public.name) == ((), "Mine")
    assert settings == {"exclude": ("/srv/acme", "/opt/*")}
    assert whole_recipe(public, settings) == RECIPE
    assert "acme" not in str(public_data(RECIPE))
    assert public_data(RECIPE) == public_data(public)


def test_what_says_nothing_is_no_private_setting() -> None:
    assert private_settings(public_recipe(RECIPE)) == {}


@pytest.mark.parametrize("name", ["live.user", "compression", "exclude.x", ""])
def test_only_private_settings_come_back(name: str) -> None:
    with pytest.raises(ValueError, match="not a private setting"):
        whole_recipe(RECIPE, {name: ("x",)})


def test_a_text_below_a_section_is_treated_the_same() -> None:
    recipe = replace(RECIPE, live=LiveSettings(password_hash="$y$x"))  # noqa: S106
    assert private_settings(recipe)["live.password_hash"] == ("$y$x",)
    assert public_recipe(recipe).live == LiveSettings()
    assert "password_hash" not in str(public_data(recipe))
    assert whole_recipe(public_recipe(recipe), private_settings(recipe)) == recipe
    with pytest.raises(ValueError, match="2 values, not one"):
        whole_recipe(public_recipe(recipe), {"live.password_hash": ("a", "b")})


def test_every_private_setting_is_a_text_or_texts_with_a_default_that_says_nothing() -> None:
    settings = dict.fromkeys(PRIVATE_SETTINGS, ("x",))
    whole = whole_recipe(USUAL, settings)
    assert private_settings(whole) == settings
    assert public_recipe(whole) == USUAL
    assert private_settings(USUAL) == {}
