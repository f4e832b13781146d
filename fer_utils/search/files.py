"""A finished search on disk: its trials as CSV beside a JSON of what was searched, small enough
to be published."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fer_utils.errors import RunError
from fer_utils.files import atomic_path, sha256_file, write_json, write_text
from fer_utils.paths import relative


@dataclass(frozen=True, eq=False)
class Search:
    """A finished search.

    path: its JSON file; the CSV lies beside it.
    facts: key, profile, description (recipe, plan, space, data), best (the row of `trials` with
        the highest accuracy), importance (share of each parameter in the variance of the
        accuracy), and what made it.
    trials: one row per trial: trial, state (complete or pruned), learning_rate, weight_decay,
        hidden, accuracy (mean over the folds that were trained), fold_1 and so on, seconds.
    """

    path: Path
    facts: Mapping[str, object]
    trials: pd.DataFrame

    @property
    def best(self) -> dict[str, object]:
        """The complete trial of the highest mean accuracy."""
        return self.facts["best"]


def find_search(name: str, key: str, folders: Sequence[Path]) -> Search | None:
    """Return the finished search of this recipe name and key, from the first folder that has it.

    Raises RunError when it is there but is damaged.
    """
    for folder in folders:
        path = folder / f"{name}-{key}.json"
        if path.exists():
            return open_search(path)
    return None


def save_search(
    folder: Path,
    name: str,
    facts: Mapping[str, object],
    trials: pd.DataFrame,
    importance: Mapping[str, float],
) -> Search:
    """Write a finished search, the JSON last, and return it.

    Raises RunError if no trial was completed.
    """
    complete = trials[trials["state"] == "complete"]
    if not len(complete):
        raise RunError(f"{name}: no trial of the search was completed; search lower learning rates")
    best = complete.loc[complete["accuracy"].idxmax()].dropna().to_dict()
    path = folder / f"{name}-{facts['key']}.json"
    table = path.with_suffix(".csv")
    write_text(table, trials.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    seconds = round(float(trials["seconds"].sum()), 1)
    found = {"best": best, "importance": dict(importance), "seconds": seconds}
    write_json(path, {**facts, **found, "trials_sha256": sha256_file(table)})
    return open_search(path)


def publish_search(search: Search, target: Path) -> Search:
    """Copy a finished search to the folder `target`, where published ones are kept."""
    for source in (search.path.with_suffix(".csv"), search.path):
        with atomic_path(target / source.name) as temporary:
            shutil.copyfile(source, temporary)
    return open_search(target / search.path.name)


def open_search(path: Path) -> Search:
    """Return the finished search whose JSON file is `path`; RunError when it is not whole."""
    table = path.with_suffix(".csv")
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        _ = facts["key"], facts["best"], facts["importance"], facts["description"]
        whole = sha256_file(table) == facts["trials_sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from error
    if not whole:
        raise _damaged(table, "its SHA-256 is not that of the JSON file")
    return Search(path, facts, pd.read_csv(table))


def _damaged(path: Path, why: str) -> RunError:
    return RunError(
        f"{relative(path)}: the search is damaged ({why}); restore {path.stem}.json and .csv from "
        "where they came, or delete both to search again"
    )
