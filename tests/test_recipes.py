"""The list of recipes is sound, and a recipe's key hashes what is trained."""

from dataclasses import fields, replace

import pytest

from fer_utils.augmentation import AUGMENTATIONS, TTA_VIEWS
from fer_utils.errors import ConfigError
from fer_utils.models import MODELS
from fer_utils.profiles import PROFILES, get_profile
from fer_utils.published import load_published
from fer_utils.recipes import RECIPES, Recipe, get_recipe, recipes_of
from fer_utils.training import refuse_unknown

RECIPE = Recipe(name="a", title="A", model="baseline", notebook="03_baseline_cnns")
ALL = list(RECIPES.values())


def test_names_and_titles_are_unique():
    assert [recipe.name for recipe in ALL] == list(RECIPES)
    assert len({recipe.title for recipe in ALL}) == len(ALL)


@pytest.mark.parametrize("recipe", ALL, ids=lambda recipe: recipe.name)
def test_every_recipe_names_what_exists(recipe):
    assert recipe.model in MODELS
    assert recipe.augmentation in AUGMENTATIONS
    assert set(recipe.tta) <= set(TTA_VIEWS)
    assert recipe.name.replace("_", "").isalnum()  # it names a folder; "-" ends it
    refuse_unknown(recipe)


def test_no_two_recipes_train_the_same():
    trained = [(recipe.key_fields(), recipe.epochs) for recipe in ALL]
    assert all(trained.count(one) == 1 for one in trained)


def test_what_is_reproduced_was_published_for_that_notebook():
    published = {f"{n.project}/{n.row}": n.built_in for n in load_published()}
    reproducing = [recipe for recipe in ALL if recipe.reproduces]
    assert reproducing
    for recipe in reproducing:
        assert published[recipe.reproduces] == recipe.notebook
    rows = [recipe.reproduces for recipe in reproducing]
    assert len(set(rows)) == len(rows)


@pytest.mark.parametrize(
    ("profile", "headline", "variant", "full_only"),
    [("smoke", 1, 1, 0), ("laptop", 3, 1, 0), ("full", 3, 1, 1)],
)
def test_seeds(profile, headline, variant, full_only):
    profile = get_profile(profile)
    assert RECIPE.seeds_for(profile) == tuple(range(variant))
    assert replace(RECIPE, headline=True).seeds_for(profile) == tuple(range(headline))
    assert replace(RECIPE, full_only=True).seeds_for(profile) == tuple(range(full_only))


def test_epochs():
    assert replace(RECIPE, epochs=100).epochs_for(get_profile("full")) == 100
    assert replace(RECIPE, epochs=100).epochs_for(get_profile("laptop")) == 30
    assert replace(RECIPE, epochs=100).epochs_for(get_profile("smoke")) == 1
    for profile in PROFILES.values():
        assert replace(RECIPE, epochs=1).epochs_for(profile) == 1


def test_key_fields_leave_out_defaults_and_descriptions():
    assert RECIPE.key_fields() == {"model": "baseline"}
    described = replace(
        RECIPE, name="b", title="B", notebook="x", reproduces="y", headline=True, full_only=True
    )
    assert described.key_fields() == RECIPE.key_fields()
    changed = replace(RECIPE, warmup=0.1, augmentation="cs230")
    assert changed.key_fields() == {"model": "baseline", "warmup": 0.1, "augmentation": "cs230"}


def test_each_field_is_either_described_or_hashed():
    """A new field is hashed unless it is named among the descriptions."""
    for field in fields(Recipe):
        value = getattr(RECIPE, field.name)
        if isinstance(value, bool):
            other = not value
        elif isinstance(value, str):
            other = value + "_"
        else:
            other = ("none",) if isinstance(value, tuple) else value + 1
        hashed = replace(RECIPE, **{field.name: other}).key_fields() != RECIPE.key_fields()
        described = ["name", "title", "notebook", "reproduces", "headline", "full_only"]
        described += ["valid_only", "epochs"]
        assert hashed == (field.name not in described), field.name


def test_look_ups():
    name = next(iter(RECIPES))
    assert get_recipe(name) is RECIPES[name]
    with pytest.raises(ConfigError, match=rf"unknown recipe 'nonsense'; known: .*{name}"):
        get_recipe("nonsense")
    found = recipes_of("03_baseline_cnns")
    assert found
    assert all(recipe.notebook == "03_baseline_cnns" for recipe in found)
    with pytest.raises(ConfigError, match="no recipe belongs to notebook '99_nothing'"):
        recipes_of("99_nothing")
