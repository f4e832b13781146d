"""Recipes by name: the comparison tables are made from this list. To add some, add a file."""

from fer_utils.errors import ConfigError, unknown_name
from fer_utils.recipes import balancing, cs230, eight, ferplus, hog, scratch, transfer
from fer_utils.recipes.base import Recipe

__all__ = [
    "RECIPES",
    "SOURCES",
    "Recipe",
    "get_recipe",
    "outside_weights",
    "recipes_of",
    "source_of",
]

FAMILIES = (cs230, scratch, transfer, eight, ferplus, hog, balancing)
RECIPES = {recipe.name: recipe for family in FAMILIES for recipe in family.RECIPES}

#: The data sets that recipes need, the main one first.
SOURCES = tuple(dict.fromkeys(recipe.source for recipe in RECIPES.values()))


def source_of(notebook: str) -> str:
    """Return the data set that the notebook of this name is about: its first recipe's."""
    own = (recipe.source for recipe in RECIPES.values() if recipe.notebook == notebook)
    return next(own, SOURCES[0])


def get_recipe(name: str) -> Recipe:
    """Return the recipe called `name`; raise ConfigError for an unknown one."""
    if name not in RECIPES:
        raise unknown_name("recipe", name, RECIPES)
    return RECIPES[name]


def outside_weights(name: str) -> tuple[str, ...]:
    """Return the initial weights behind the recipe called `name` that were learned elsewhere.

    Its own and its teachers'; none for a net from scratch.  Raises as `get_recipe`.
    """
    recipe = get_recipe(name)
    own = () if recipe.initial_weights == "random" else (recipe.initial_weights,)
    taught = [weights for teacher in recipe.teacher for weights in outside_weights(teacher)]
    return tuple(dict.fromkeys((*own, *taught)))


def recipes_of(notebook: str) -> tuple[Recipe, ...]:
    """Return the recipes that the notebook of this name trains or loads."""
    found = tuple(recipe for recipe in RECIPES.values() if recipe.notebook == notebook)
    if not found:
        raise ConfigError(f"no recipe belongs to notebook {notebook!r}")
    return found
