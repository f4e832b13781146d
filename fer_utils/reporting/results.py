"""What the report says of each recipe: means over random seeds, with intervals, from runs only.

Everything here is a fraction of one, a count, minutes or text; the template chooses the form.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fer_utils.files import sha256_file, sha256_json
from fer_utils.profiles import get_profile
from fer_utils.recipes import RECIPES, Recipe
from fer_utils.reporting.measures import (
    Counts,
    Facts,
    all_measures,
    count,
    in_percent,
    measure,
    paired_gain,
    unique,
)
from fer_utils.reporting.people import people_of
from fer_utils.run_keys import run_key
from fer_utils.runs import MANIFEST, Run, RunStore


@dataclass(frozen=True)
class RecipeRuns:
    """The runs of one recipe that the report speaks of, all under one profile.

    expected: how many random seeds the profile asks for; `runs` may be fewer, or more.
    """

    recipe: Recipe
    profile: str
    runs: tuple[Run, ...]
    expected: int


def profiles_searched(profile: str) -> tuple[str, ...]:
    """Return the profiles whose runs a report of `profile` may use, the preferred first.

    `smoke` keeps to itself; otherwise `full` is better than `laptop`, whatever was asked for.
    """
    return ("smoke",) if profile == "smoke" else ("full", "laptop")


def find_runs(
    recipe: Recipe, store: RunStore, data_key: str, profiles: Iterable[str]
) -> RecipeRuns | None:
    """Return the runs of the first of `profiles` that has all its seeds, else the most; or None.

    Seeds that were trained by name count, too, up to as many as a headline recipe has.
    Raises RunError when a run's folder is there but is damaged.
    """
    best = None
    for name in profiles:
        profile = get_profile(name)
        seeds = range(max(profile.headline_seeds, profile.variant_seeds))  # more may be trained
        found = (store.find(run_key(recipe, profile, data_key, seed)) for seed in seeds)
        runs = tuple(run for run in found if run is not None)
        if runs and (best is None or len(runs) > len(best.runs)):
            best = RecipeRuns(recipe, name, runs, len(recipe.all_seeds(profile)))
        if best is not None and len(best.runs) >= best.expected:
            return best
    return best


def find_all_runs(
    store: RunStore,
    data_keys: Mapping[str, str],
    profiles: Iterable[str],
    recipes: Iterable[Recipe] = (),
) -> tuple[RecipeRuns, ...]:
    """Return `find_runs` of each of `recipes` (default: all) that has any.

    data_keys: of the recipes' data sets (`Recipe.source`); one that is not known has no runs.
    """
    profiles = tuple(profiles)
    found = (
        find_runs(recipe, store, data_keys[recipe.source], profiles)
        for recipe in recipes or RECIPES.values()
        if recipe.source in data_keys
    )
    return tuple(used for used in found if used is not None)


def runs_stamp(found: Iterable[RecipeRuns]) -> str:
    """Return a hash that changes whenever a run that the report uses does."""
    return sha256_json(
        {
            f"{used.recipe.name} {used.profile} {run.seed}": sha256_file(run.folder / MANIFEST)
            for used in found
            for run in used.runs
        }
    )


def recipe_facts(used: RecipeRuns, samples: int = 2_000) -> Facts:
    """Return what the report says of one recipe, JSON-ready; accuracies are fractions.

    For measures see `fer_utils.reporting.measures`; their intervals come from `samples` resamples
    of the images, or of the people in them where `people_of` knows them, the same for all runs
    and modes.  Accuracies are those of the stored predictions, which are rounded to float16:
    `Run.metrics`, made before that by older code, may differ by an image or two.
    """
    runs, recipe = used.runs, used.recipe
    manifests = [run.manifest for run in runs]
    hardware = [manifest["hardware"] for manifest in manifests]
    people = people_of(runs[0], "test")
    test, counts = {}, {}
    for mode in recipe.tta:
        counts[mode], test[mode] = _judged(runs, "test", mode, samples)
    return {
        "name": recipe.name,
        "title": recipe.title,
        "notebook": recipe.notebook,
        "reproduces": recipe.reproduces,
        "augmentation": recipe.augmentation,
        "balancing": recipe.balancing,
        "profile": used.profile,
        "seeds": [run.seed for run in runs],
        "expected_seeds": used.expected,
        "epochs": manifests[0]["epochs"],
        "best_epochs": [manifest["best_epoch"] for manifest in manifests],
        "train_accuracy": measure([_train_accuracy(run) for run in runs], None),
        "parameters": manifests[0]["parameters"],
        "minutes": float(np.mean([manifest["seconds"] for manifest in manifests])) / 60,
        "hardware": unique(f"{part['name']}, {part['precision']}" for part in hardware),
        "precision": unique(part["precision"] for part in hardware),
        "source": unique(manifest["data"]["source"] for manifest in manifests),
        "class_names": list(runs[0].class_names),
        "test_images": runs[0].metrics["test"]["none"]["images"],
        "test_people": None if people is None else len(np.unique(people)),
        "valid": {"none": _judged(runs, "valid", "none", samples)[1]},
        "test": test,
        "tta_gain": {
            mode: paired_gain(counts[mode], counts["none"]) for mode in recipe.tta if mode != "none"
        },
    }


def results_table(results: Mapping[str, Facts]) -> pd.DataFrame:
    """Return one line per recipe: accuracies and recall in percent, with 95 % intervals."""
    lines = []
    for facts in results.values():
        none = facts["test"]["none"]
        line = {"recipe": facts["name"], "title": facts["title"], "profile": facts["profile"]}
        line["runs"] = len(facts["seeds"])
        for mode, measures in facts["test"].items():
            end = "" if mode == "none" else f"_{mode}"
            line |= in_percent(f"test_accuracy{end}", measures["accuracy"])
        line |= in_percent("test_accuracy_unseen", none.get("accuracy_unseen"))
        line |= in_percent("valid_accuracy", facts["valid"]["none"]["accuracy"])
        line |= in_percent("macro_f1", none["macro_f1"])
        line |= in_percent("balanced_accuracy", none["balanced_accuracy"])
        if "disgust" in none["recall"]:
            line |= in_percent("disgust_recall", none["recall"]["disgust"])
        line["log_loss"] = round(none["log_loss"]["mean"], 4)
        line["ece"] = round(none["ece"]["mean"], 4)
        line["parameters"] = facts["parameters"]
        line["epochs"] = facts["epochs"]
        line["best_epochs"] = " ".join(map(str, facts["best_epochs"]))
        line["minutes_per_run"] = round(facts["minutes"], 1)
        line["hardware"] = "; ".join(facts["hardware"])
        line["precision"] = "; ".join(facts["precision"])
        lines.append(line)
    return pd.DataFrame(lines)


def _judged(runs: tuple[Run, ...], split: str, mode: str, samples: int) -> tuple[Counts, Facts]:
    """Return the confusion matrices of the runs, and the measures over all."""
    predictions = [run.predictions(split, mode) for run in runs]
    counts = count(predictions, samples, people_of(runs[0], split))
    metrics = [run.metrics[split][mode] for run in runs]
    return counts, all_measures(metrics, counts, runs[0].class_names)


def _train_accuracy(run: Run) -> float:
    """Return the train accuracy of the epoch whose weights were kept."""
    history = run.history.set_index("epoch")
    return float(history.loc[run.manifest["best_epoch"], "train_accuracy"])
