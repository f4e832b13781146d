"""What is searched and how much of it, as plain data."""

from dataclasses import asdict, dataclass

from fer_utils.errors import ConfigError
from fer_utils.files import sha256_json
from fer_utils.profiles import Profile
from fer_utils.recipes import Recipe

_VERSION = 1  # raise it when a trial comes to mean something else: old searches are not found


@dataclass(frozen=True)
class SearchPlan:
    """How much is searched.

    images: train images used, drawn with the classes' shares; 0 for all.  Each trial trains
    `folds` nets for `epochs` epochs.  startup: trials drawn at random, none of them pruned,
    before there is something to learn from.
    """

    trials: int
    folds: int
    epochs: int
    images: int = 0
    batch_size: int = 128
    startup: int = 10
    seed: int = 0


PLANS = {
    "smoke": SearchPlan(trials=2, folds=2, epochs=1, batch_size=64, startup=1),
    # small batches: two epochs of few images must hold enough steps to learn something
    "laptop": SearchPlan(trials=16, folds=3, epochs=2, images=4_000, batch_size=32, startup=5),
    "full": SearchPlan(trials=60, folds=5, epochs=10),
}


@dataclass(frozen=True)
class SearchSpace:
    """What is searched: ranges on a log scale, and neurons of each hidden layer to choose from.

    A recipe of the model `deep` is tried with `deep_128` and so on.
    """

    learning_rate: tuple[float, float] = (1e-3, 0.5)
    weight_decay: tuple[float, float] = (1e-8, 1e-2)
    hidden: tuple[int, ...] = (128, 256, 512, 1024)


def plan_for(profile: Profile) -> SearchPlan:
    """Return how much `profile` searches; raise ConfigError if it has no plan."""
    if profile.name not in PLANS:
        raise ConfigError(f"profile {profile.name!r} has no search plan; give one as plan=")
    return PLANS[profile.name]


def describe_search(
    recipe: Recipe, data_key: str, plan: SearchPlan, space: SearchSpace
) -> dict[str, object]:
    """Return all that a search's result depends on; its key is the hash of it."""
    fields = recipe.key_fields() | {"batch_size": plan.batch_size}
    searched = ("learning_rate", "weight_decay")
    described = {
        "version": _VERSION,
        "recipe": {name: value for name, value in fields.items() if name not in searched},
        "plan": asdict(plan),
        "space": asdict(space),
        "data": data_key,
    }
    return _plain(described)


def search_key(description: dict[str, object]) -> str:
    """Return what names a search for good, 16 hexadecimal digits."""
    return sha256_json(description)[:16]


def _plain(value: object) -> object:
    """Return `value` as JSON reads it back: tuples become lists."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value
