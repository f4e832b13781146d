"""What `python -m fer_utils train` does: which recipes can be trained here, on which data."""

import math
import sys
import time
from collections.abc import Iterator, Sequence

from fer_utils.datasets import pick_dataset
from fer_utils.datasets.base import FaceDataset
from fer_utils.datasets.sources import load_source
from fer_utils.errors import DataError, DataMissing, RunError
from fer_utils.initialization import has_initial_weights
from fer_utils.profiles import Profile, pick_profile
from fer_utils.recipes import RECIPES, Recipe, get_recipe
from fer_utils.runs import store_for
from fer_utils.scheduling import by_worth, is_there, train_all


def train_command(
    names: Sequence[str] = (),
    profile: str = "auto",
    dataset: str = "auto",
    *,
    only_list: bool = False,
    budget: float = math.inf,
    **options,
) -> None:
    """Train the runs that are missing, the recipes of one data set after another's.

    names: of recipes; by default those of the profile, less those whose data or initial weights
    are not on this machine, of which a line says so.  budget: seconds after which no data set is
    read and no epoch begun.  only_list: say which runs are missing, and train none.  options: see
    `fer_utils.scheduling.train_all`.

    Raises DataError or WeightsMissing for a recipe that was asked for by name, DataError for the
    main data set, RunError at the end when a training failed or another data set is damaged.
    """
    deadline = time.monotonic() + budget
    chosen = pick_profile(profile)
    main = pick_dataset(dataset, chosen)
    recipes = [get_recipe(name) for name in names] or [
        recipe for recipe in RECIPES.values() if recipe.seeds_for(chosen)
    ]
    failed: list[str] = []
    end = math.inf if only_list else deadline
    for data, group in _groups(recipes, main, chosen, end, failed, asked_for=bool(names)):
        print(f"{data.source}, profile {chosen.name}", flush=True)
        if only_list:
            _list(data, group, chosen, options)
        else:
            failed += _train(data, group, chosen, deadline, options)
    if failed:
        raise RunError(f"{', '.join(failed)} failed (see above); the others are stored")


def _groups(
    recipes: Sequence[Recipe],
    main: str,
    profile: Profile,
    deadline: float,
    failed: list[str],
    *,
    asked_for: bool,
) -> Iterator[tuple[FaceDataset, list[Recipe]]]:
    """Yield each data set with the recipes that can be trained on it, in the order of need.

    Those of a damaged data set that nobody asked for are added to `failed`.
    """
    for source in dict.fromkeys(recipe.source for recipe in recipes):
        group = [recipe for recipe in recipes if recipe.source == source]
        names = ", ".join(recipe.name for recipe in group)
        if time.monotonic() > deadline:
            print(f"out of time ({names} not begun); the same command goes on from here")
            continue
        try:
            data = load_source(source, main, profile)
        except DataError as error:
            if asked_for or source == main:
                raise
            print(f"left out: {names}: {error}", flush=True)
            if not isinstance(error, DataMissing):
                failed += [recipe.name for recipe in group]
            continue
        able = [recipe for recipe in group if asked_for or _has_weights(recipe)]
        if able:
            yield data, able


def _has_weights(recipe: Recipe) -> bool:
    """Tell whether the initial weights are on this machine, and say so if they are not."""
    here = has_initial_weights(recipe.initial_weights)
    if not here:
        print(f"left out: {recipe.name}: no initial weights {recipe.initial_weights}; see "
              "`python -m fer_utils weights`", flush=True)  # fmt: skip
    return here


def _list(data: FaceDataset, group: list[Recipe], profile: Profile, options: dict) -> None:
    store, with_weights = store_for(profile), options.get("with_weights", False)
    for recipe, seed in by_worth(group, profile, options.get("seeds")):
        there = is_there((recipe, seed), data, profile, store, with_weights)
        print(f"{'there' if there else 'missing':8} {recipe.name} seed {seed}")


def _train(
    data: FaceDataset, group: list[Recipe], profile: Profile, deadline: float, options: dict
) -> list[str]:
    """Train, say what became of it, and return the runs that failed."""
    progress = sys.stderr.isatty()
    tally = train_all(group, data, profile, deadline=deadline, progress=progress, **options)
    print(f"{len(tally.there)} runs were there, {len(tally.trained)} were trained")
    if tally.busy:
        print(f"another process trains {', '.join(tally.busy)}")
    if tally.out_of_time or tally.left:
        paused = "; ".join([*tally.out_of_time, f"{len(tally.left)} runs not begun"])
        why = "out of time" if time.monotonic() > deadline else "not all could be trained"
        print(f"{why} ({paused}); the same command goes on from here", flush=True)
    return tally.failed
