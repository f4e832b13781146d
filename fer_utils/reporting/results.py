"""What the report says of each recipe: means over random seeds, with intervals, from runs only.

Everything here is a fraction of one, a count, minutes or text; the template chooses the form.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from fer_utils.evaluation import (
    accuracy,
    balanced_accuracy,
    confusion_matrix,
    interval,
    macro_f1,
    recall,
    resample_weights,
)
from fer_utils.files import sha256_file, sha256_json
from fer_utils.profiles import get_profile
from fer_utils.recipes import RECIPES, Recipe
from fer_utils.run_keys import run_key
from fer_utils.runs import MANIFEST, Run, RunStore

Facts = dict[str, object]


@dataclass(frozen=True)
class RecipeRuns:
    """The runs of one recipe that the report speaks of, all under one profile.

    expected: how many random seeds the profile has; `runs` may be fewer.
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

    Raises RunError when a run's folder is there but is damaged.
    """
    best = None
    for name in profiles:
        profile = get_profile(name)
        seeds = recipe.seeds_for(profile)
        found = (store.find(run_key(recipe, profile, data_key, seed)) for seed in seeds)
        runs = tuple(run for run in found if run is not None)
        if runs and (best is None or len(runs) > len(best.runs)):
            best = RecipeRuns(recipe, name, runs, len(seeds))
        if best is not None and len(best.runs) == best.expected:
            return best
    return best


def find_all_runs(
    store: RunStore, data_key: str, profiles: Iterable[str], recipes: Iterable[Recipe] = ()
) -> tuple[RecipeRuns, ...]:
    """Return `find_runs` of each of `recipes` (default: all) that has any."""
    profiles = tuple(profiles)
    found = (find_runs(recipe, store, data_key, profiles) for recipe in recipes or RECIPES.values())
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

    A measure is ``{"mean", "std", "ci"}``: mean and standard deviation (None for one run) over
    the random seeds, and the 95 % interval of the mean from `samples` resamples of the images,
    the same for all runs and modes (as `fer_utils.evaluation.bootstrap_interval`).  The interval
    of ``accuracy_unseen`` is the mean of the runs' own.
    """
    runs, recipe = used.runs, used.recipe
    manifests = [run.manifest for run in runs]
    hardware = [manifest["hardware"] for manifest in manifests]
    test, resampled = {}, {}
    for mode in recipe.tta:
        resampled[mode] = [_resampled(run, "test", mode, samples) for run in runs]
        test[mode] = _measures(runs, "test", mode, resampled[mode])
    valid_resampled = [_resampled(run, "valid", "none", samples) for run in runs]
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
        "train_accuracy": _measure([_train_accuracy(run) for run in runs], None),
        "parameters": manifests[0]["parameters"],
        "minutes": float(np.mean([manifest["seconds"] for manifest in manifests])) / 60,
        "hardware": _unique(f"{part['name']}, {part['precision']}" for part in hardware),
        "source": _unique(manifest["data"]["source"] for manifest in manifests),
        "class_names": list(runs[0].class_names),
        "test_images": runs[0].metrics["test"]["none"]["images"],
        "valid": {"none": _measures(runs, "valid", "none", valid_resampled)},
        "test": test,
        "tta_gain": {
            mode: _gain(runs, mode, resampled) for mode in recipe.tta if mode != "none"
        },
    }  # fmt: skip


def results_table(results: Mapping[str, Facts]) -> pd.DataFrame:
    """Return one line per recipe: accuracies and recall in percent, with 95 % intervals."""
    lines = []
    for facts in results.values():
        none = facts["test"]["none"]
        line = {"recipe": facts["name"], "title": facts["title"], "profile": facts["profile"]}
        line["runs"] = len(facts["seeds"])
        for mode, measures in facts["test"].items():
            end = "" if mode == "none" else f"_{mode}"
            line |= _percent(f"test_accuracy{end}", measures["accuracy"])
        line |= _percent("test_accuracy_unseen", none.get("accuracy_unseen"))
        line |= _percent("valid_accuracy", facts["valid"]["none"]["accuracy"])
        line |= _percent("macro_f1", none["macro_f1"])
        line |= _percent("balanced_accuracy", none["balanced_accuracy"])
        if "disgust" in none["recall"]:
            line |= _percent("disgust_recall", none["recall"]["disgust"])
        line["log_loss"] = round(none["log_loss"]["mean"], 4)
        line["ece"] = round(none["ece"]["mean"], 4)
        line["parameters"] = facts["parameters"]
        line["epochs"] = facts["epochs"]
        line["best_epochs"] = " ".join(map(str, facts["best_epochs"]))
        line["minutes_per_run"] = round(facts["minutes"], 1)
        line["hardware"] = "; ".join(facts["hardware"])
        lines.append(line)
    return pd.DataFrame(lines)


@lru_cache(maxsize=8)
def _weights(images: int, samples: int) -> np.ndarray:
    return resample_weights(images, samples)


def _resampled(run: Run, split: str, mode: str, samples: int) -> np.ndarray:
    """Return the confusion matrix of each resample of the split's images, (samples, C, C)."""
    y_true, y_prob = run.predictions(split, mode)
    weights = _weights(len(y_true), samples)
    return confusion_matrix(y_true, y_prob.argmax(1), y_prob.shape[1], weights)


def _measures(runs, split: str, mode: str, resampled: list[np.ndarray]) -> Facts:
    """Return the measures of one split and mode over all runs."""
    metrics = [run.metrics[split][mode] for run in runs]
    measures: Facts = {}
    for name, metric in (
        ("accuracy", accuracy),
        ("macro_f1", macro_f1),
        ("balanced_accuracy", balanced_accuracy),
    ):
        bounds = interval(np.mean([metric(matrix) for matrix in resampled], axis=0))
        measures[name] = _measure([part[name] for part in metrics], bounds)
    for name in ("log_loss", "ece"):
        measures[name] = _measure([part[name] for part in metrics], None)
    bounds = np.transpose(interval(np.mean([recall(matrix) for matrix in resampled], axis=0)))
    measures["recall"] = {
        name: _measure([part["per_class"][name]["recall"] for part in metrics], bounds[label])
        for label, name in enumerate(runs[0].class_names)
    }
    if all("accuracy_unseen" in part for part in metrics):
        values = [part["accuracy_unseen"] for part in metrics]
        bounds = np.mean([part["accuracy_unseen_ci"] for part in metrics], axis=0)
        measures["accuracy_unseen"] = _measure(values, bounds)
        measures["images_unseen"] = metrics[0]["images_unseen"]
    return measures


def _gain(runs, mode: str, resampled: Mapping[str, list[np.ndarray]]) -> Facts:
    """Return how much more accurate a mode is than `none`: same runs, same resamples (paired)."""
    values = [
        run.metrics["test"][mode]["accuracy"] - run.metrics["test"]["none"]["accuracy"]
        for run in runs
    ]
    gains = [
        accuracy(ours) - accuracy(plain)
        for ours, plain in zip(resampled[mode], resampled["none"], strict=True)
    ]
    return _measure(values, interval(np.mean(gains, axis=0)))


def _measure(values: list[float], bounds) -> Facts:
    return {
        "mean": float(np.mean(values)),
        "std": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "ci": None if bounds is None else [float(bound) for bound in bounds],
    }


def _train_accuracy(run: Run) -> float:
    """Return the train accuracy of the epoch whose weights were kept."""
    history = run.history.set_index("epoch")
    return float(history.loc[run.manifest["best_epoch"], "train_accuracy"])


def _percent(name: str, measure: Facts | None) -> dict[str, float]:
    if measure is None:
        return {}
    low, high = measure["ci"]
    return {
        name: round(100 * measure["mean"], 2),
        f"{name}_ci_low": round(100 * low, 2),
        f"{name}_ci_high": round(100 * high, 2),
    } | ({} if measure["std"] is None else {f"{name}_std": round(100 * measure["std"], 2)})


def _unique(parts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(parts))
