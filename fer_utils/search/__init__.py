"""Hyperparameter search by k-fold cross-validation on train: resumable, pruned, published.

After cs231n-hog, which searched learning rate, regularization and hidden neurons that way.  The
study is Optuna's (Akiba et al. 2019): a tree-structured Parzen estimator proposes, and a trial
whose mean over the first folds is below the median of the completed trials' is given up.
"""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from fer_utils.datasets.base import FaceDataset
from fer_utils.errors import RunBusy
from fer_utils.experiments import loaded_code, provenance
from fer_utils.files import locked
from fer_utils.paths import REPORTS, relative
from fer_utils.profiles import Profile
from fer_utils.recipes import Recipe
from fer_utils.runs import store_for
from fer_utils.search.files import (
    Search,
    find_search,
    open_search,
    publish_search,
    save_search,
)
from fer_utils.search.plan import (
    PLANS,
    SearchPlan,
    SearchSpace,
    describe_search,
    plan_for,
    search_key,
)
from fer_utils.search.study import fold_parts, open_study, run_trials, trial_results

__all__ = [
    "PLANS",
    "PUBLISHED_SEARCHES",
    "Search",
    "SearchPlan",
    "SearchSpace",
    "find_search",
    "fold_parts",
    "open_search",
    "publish_search",
    "run_search",
    "search_folders",
]

PUBLISHED_SEARCHES = REPORTS / "searches"


def search_folders(profile: Profile) -> tuple[Path, ...]:
    """Return where searches lie: this machine's, which is written to, then the published ones."""
    own = store_for(profile).folders[0] / "searches"
    return (own,) if profile.name == "smoke" else (own, PUBLISHED_SEARCHES)


def run_search(
    recipe: Recipe,
    dataset: FaceDataset,
    profile: Profile,
    *,
    plan: SearchPlan | None = None,
    space: SearchSpace = SearchSpace(),  # noqa: B008 - frozen
    folders: Sequence[Path] | None = None,
    study: Path | None = None,
    progress: bool = True,
) -> Search:
    """Return the search of `recipe` on the train part: the stored one, else a newly run one.

    plan: amounts, if not those of the profile.  folders: where to look for it; the first is
    written to.  study: the SQLite file of the trials, if not the search's own in that folder; one
    that was left unfinished is gone on with, and the result is that of an unbroken search.
    `valid` and `test` are not read.

    Raises ConfigError for a study file of another recipe, plan or data set, or one that can't be
    read, RunBusy while another process searches, RunError for damaged results.
    """
    code = loaded_code()  # noted before anything takes time
    plan = plan or plan_for(profile)
    folders = tuple(folders or search_folders(profile))
    description = describe_search(recipe, dataset.data_key, plan, space)
    key = search_key(description)
    found = find_search(recipe.name, key, folders)
    if found is not None:
        return found
    study = study or folders[0] / f"{recipe.name}-{key}.db"
    with locked(study.with_suffix(".lock")) as ours:
        if not ours:
            raise RunBusy(f"another process is searching in {relative(study)}; wait until it ends")
        # the other may have ended between our look and our lock
        if (found := find_search(recipe.name, key, folders)) is not None:
            return found
        trials = open_study(study, description)
        run_trials(trials, recipe, dataset.part("train"), plan, space, progress)
        facts = {"key": key, "profile": profile.name, "description": description}
        facts |= provenance(code=code)
        facts["versions"]["optuna"] = version("optuna")
        return save_search(folders[0], recipe.name, facts, *trial_results(trials))
