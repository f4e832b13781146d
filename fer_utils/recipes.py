"""Recipes: what to train, as plain data. The comparison tables are made from this list."""

from dataclasses import asdict, dataclass, fields
from itertools import product

from fer_utils.augmentation import TTA_VIEWS
from fer_utils.errors import ConfigError, unknown_name
from fer_utils.profiles import Profile


@dataclass(frozen=True)
class Recipe:
    """What to train, and which published row it reproduces.

    A run's key hashes the fields from `dataset` on that differ from their defaults.  So add a
    field with the default that means "as before", and never change a default: published
    runs would be trained again.
    """

    name: str  # unique; names the run folders
    title: str  # for tables and figures
    model: str  # a name in fer_utils.models.MODELS
    notebook: str  # the notebook that tells its story
    reproduces: str = ""  # "project/row" of published.csv
    headline: bool = False  # a main result: several random seeds in every profile
    full_only: bool = False  # a large net or a side result: left to the profile `full`
    # -- what is trained, hashed into the run's key ------------------------------------------
    dataset: str = "fer2013"
    cleaning: str = "none"
    balancing: str = "none"  # "class_weights": weighted loss
    initial_weights: str = "random"
    augmentation: str = "none"
    normalization: str = "dataset"  # by the train pixels, or "image": each by its own
    loss: str = "cross_entropy"
    label_smoothing: float = 0.0
    optimizer: str = "sgd"  # Nesterov momentum 0.9
    learning_rate: float = 0.05  # the highest of the schedule
    weight_decay: float = 5e-4  # not on biases and norms
    schedule: str = "one_cycle"  # linear-to-cosine: up in `warmup`, down to zero
    warmup: float = 0.25  # part of the steps
    batch_size: int = 128
    epochs: int = 100  # under `full`; profiles train a part of it
    ema_decay: float = 0.999  # exponential moving average of the weights; 0 for none
    tta: tuple[str, ...] = tuple(TTA_VIEWS)  # predictions that are kept

    def epochs_for(self, profile: Profile) -> int:
        """Return the number of epochs that `profile` trains, at least one."""
        return max(1, round(self.epochs * profile.epoch_fraction))

    def seeds_for(self, profile: Profile) -> tuple[int, ...]:
        """Return the random seeds that `profile` trains; none if it leaves this recipe out."""
        if self.full_only and not profile.all_recipes:
            return ()
        return tuple(range(profile.headline_seeds if self.headline else profile.variant_seeds))

    def key_fields(self) -> dict[str, object]:
        """Return the fields that a run's key hashes: those of training, unless default."""
        described = {"name", "title", "notebook", "reproduces", "headline", "full_only", "epochs"}
        defaults = {field.name: field.default for field in fields(self)}
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in described and (name == "model" or value != defaults[name])
        }


def _cs230_recipes(model: str, title: str, *, epochs: int, learning_rate: float) -> list[Recipe]:
    """Return a net of cs230-fer with and without augmentation and class weights.

    Per-image normalization and the five-layer net's learning rate were chosen on valid, in short
    trainings of the five-layer net; the baseline's settings were not searched.
    """
    recipes = []
    for augmented, weighted in product((True, False), (False, True)):
        headline = augmented and not weighted
        suffix = ("" if augmented else "_plain") + ("_weighted" if weighted else "")
        words = [
            *([] if augmented else ["no augmentation"]),
            *(["class weights"] if weighted else []),
        ]
        recipes.append(
            Recipe(
                name=f"cs230_{model}{suffix}",
                title=", ".join([title, *words]),
                model=model,
                notebook="03_baseline_cnns",
                reproduces=f"cs230-fer/{model.replace('_', '-')}" if headline else "",
                headline=headline,
                full_only=weighted and (model == "baseline" or not augmented),
                augmentation="cs230" if augmented else "none",
                balancing="class_weights" if weighted else "none",
                normalization="image",
                label_smoothing=0.1,
                learning_rate=learning_rate,
                # without augmentation a net soon knows its images by heart
                epochs=epochs if augmented else 30,
            )
        )
    return recipes


RECIPES = {
    recipe.name: recipe
    for recipe in (
        *_cs230_recipes("baseline", "Baseline", epochs=80, learning_rate=0.05),
        *_cs230_recipes("five_layer", "Five-layer net", epochs=100, learning_rate=0.1),
    )
}


def get_recipe(name: str) -> Recipe:
    """Return the recipe called `name`; raise ConfigError for an unknown one."""
    if name not in RECIPES:
        raise unknown_name("recipe", name, RECIPES)
    return RECIPES[name]


def recipes_of(notebook: str) -> tuple[Recipe, ...]:
    """Return the recipes that the notebook of this name trains or loads."""
    found = tuple(recipe for recipe in RECIPES.values() if recipe.notebook == notebook)
    if not found:
        raise ConfigError(f"no recipe belongs to notebook {notebook!r}")
    return found
