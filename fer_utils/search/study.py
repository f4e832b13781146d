"""The trials of a search: an Optuna study in an SQLite file, gone on with after a kill."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold, train_test_split
from tqdm.auto import tqdm

from fer_utils.datasets.base import FaceDataset
from fer_utils.errors import ConfigError, RunError
from fer_utils.paths import relative
from fer_utils.recipes import Recipe
from fer_utils.search.plan import SearchPlan, SearchSpace
from fer_utils.training import train

#: The parameters of a trial.
SEARCHED = ("learning_rate", "weight_decay", "hidden")


def fold_parts(train_part: FaceDataset, plan: SearchPlan) -> list[tuple[FaceDataset, FaceDataset]]:
    """Return the (train, held-out) parts of each fold of `plan`, with the classes' shares."""
    positions = np.arange(len(train_part))
    if 0 < plan.images < len(train_part):
        positions, _ = train_test_split(
            positions, train_size=plan.images, stratify=train_part.labels, random_state=plan.seed
        )
        positions = np.sort(positions)
    subset = train_part.take(positions)
    folds = StratifiedKFold(plan.folds, shuffle=True, random_state=plan.seed)
    return [(subset.take(a), subset.take(b)) for a, b in folds.split(positions, subset.labels)]


def open_study(path: Path, description: dict):
    """Return the study in `path`, made if need be; ConfigError if it is another's."""
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        study = optuna.create_study(
            storage=f"sqlite:///{path}",
            study_name="search",
            direction="maximize",
            load_if_exists=True,
        )
    except (SQLAlchemyError, RuntimeError) as error:
        raise ConfigError(
            f"{relative(path)} can't be read as a study ({type(error).__name__}): delete it to "
            "search from the start"
        ) from error
    stored = study.user_attrs.get("description")
    if stored is None and not study.trials:
        study.set_user_attr("description", description)
    elif stored != description:
        stored = stored or {}
        names = sorted(n for n in stored | description if stored.get(n) != description.get(n))
        raise ConfigError(
            f"{relative(path)} is the study of another search: {', '.join(names)} differ (recipe "
            f"{stored.get('recipe')}, data {stored.get('data')}); give another file or none, or "
            "delete this one to search anew"
        )
    for trial in study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)  # its process was killed
    return study


def _finished(study) -> list:
    """Return the trials that ran to their end or were pruned, in their order."""
    return [trial for trial in study.trials if trial.state.name in ("COMPLETE", "PRUNED")]


def run_trials(
    study,
    recipe: Recipe,
    train_part: FaceDataset,
    plan: SearchPlan,
    space: SearchSpace,
    progress: bool,
) -> None:
    """Run the trials that `study` still lacks."""
    from optuna.pruners import MedianPruner
    from optuna.samplers import TPESampler

    parts = fold_parts(train_part, plan)
    study.pruner = MedianPruner(n_startup_trials=plan.startup)
    bar = tqdm(total=plan.trials, desc=f"{recipe.name} search", unit="trial", leave=False,
               disable=not progress)  # fmt: skip
    with bar:
        while (done := len(_finished(study))) < plan.trials:
            bar.update(done - bar.n)
            # each trial draws from its own seed, so that a resumed search is the same
            study.sampler = TPESampler(
                n_startup_trials=plan.startup, seed=plan.seed * 100_003 + done
            )
            study.optimize(lambda trial: _run_trial(trial, recipe, parts, plan, space), n_trials=1)
            complete = [t.value for t in _finished(study) if t.value is not None]
            bar.set_postfix_str(f"best {100 * max(complete, default=0):.1f} %")
        bar.update(plan.trials - bar.n)


def _run_trial(
    trial,
    recipe: Recipe,
    parts: Sequence[tuple[FaceDataset, FaceDataset]],
    plan: SearchPlan,
    space: SearchSpace,
) -> float:
    """Return the mean accuracy of the last epochs on the held-out folds."""
    from optuna import TrialPruned

    hidden = trial.suggest_categorical("hidden", list(space.hidden))
    tried = replace(
        recipe,
        model=f"{recipe.model}_{hidden}",
        learning_rate=trial.suggest_float("learning_rate", *space.learning_rate, log=True),
        weight_decay=trial.suggest_float("weight_decay", *space.weight_decay, log=True),
        batch_size=plan.batch_size,
    )
    accuracies: list[float] = []
    start = time.perf_counter()
    for fold, (train_part, held_out) in enumerate(parts):
        try:
            # the same seed for all trials: they differ by what is searched, not by luck
            trained = train(
                tried, train_part, held_out, epochs=plan.epochs, seed=fold, progress=False
            )
        except RunError:  # the loss is not finite: as bad as can be, not the end of the search
            trial.set_user_attr("diverged", True)
            raise TrialPruned from None
        accuracies.append(trained.history[-1]["valid_accuracy"])
        trial.set_user_attr("accuracies", accuracies)
        trial.set_user_attr("seconds", time.perf_counter() - start)
        trial.report(float(np.mean(accuracies)), step=fold + 1)
        if fold + 1 < len(parts) and trial.should_prune():
            raise TrialPruned
    return float(np.mean(accuracies))


def trial_results(study) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return one row per trial, and the share of each parameter in the accuracy's variance."""
    rows = []
    for number, trial in enumerate(_finished(study)):
        accuracies = trial.user_attrs.get("accuracies", [])
        rows.append(
            {
                "trial": number,
                "state": "complete" if trial.state.name == "COMPLETE" else "pruned",
                **{
                    name: trial.params[name] for name in ("learning_rate", "weight_decay", "hidden")
                },
                "accuracy": float(np.mean(accuracies)) if accuracies else np.nan,
                **{f"fold_{fold}": value for fold, value in enumerate(accuracies, start=1)},
                "seconds": round(trial.user_attrs.get("seconds", 0.0), 1),
            }
        )
    return pd.DataFrame(rows), _importance(study)


def _importance(study) -> dict[str, float]:
    """Return fANOVA's importances (Hutter et al. 2014), by parameter; {} for too few trials."""
    import optuna

    if sum(trial.state.name == "COMPLETE" for trial in study.trials) < 4:
        return {}
    try:
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
        found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    except (ValueError, RuntimeError, ZeroDivisionError):
        return {}
    return {name: float(value) for name, value in found.items() if np.isfinite(value)}
