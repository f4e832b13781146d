"""What the report says of ensembles: measured from the predictions of stored runs."""

from collections.abc import Mapping, Sequence

import numpy as np

from fer_utils.ensembling import combine, cross_validated
from fer_utils.errors import RunError
from fer_utils.evaluation import evaluate
from fer_utils.recipes.ensembles import Ensemble
from fer_utils.reporting.measures import Facts, all_measures, count, paired_gain, unique
from fer_utils.reporting.people import people_of
from fer_utils.runs import Run

#: Ensembles are measured without test-time augmentation, and with all of it.
MODES = ("none", "flip_and_seven")


def member_runs(
    ensemble: Ensemble, runs: Mapping[str, Sequence[Run]]
) -> tuple[list[Run], list[str]]:
    """Return the runs that vote, and the names of the recipes that lack one.

    runs: recipe name -> its runs, in the order of their seeds.
    """
    found, missing = [], []
    for name in ensemble.members:
        own = list(runs.get(name, ()))
        found += own if ensemble.all_seeds else own[:1]
        missing += [] if own else [name]
    return found, missing


def stack_predictions(
    runs: Sequence[Run], split: str, tta: str = "none"
) -> tuple[np.ndarray, np.ndarray]:
    """Return the true labels (N,) and all runs' class probabilities (M, N, C) float32.

    Raises RunError when two runs do not speak of the same samples in the same order.
    """
    ids = runs[0].sample_ids(split)
    for run in runs[1:]:
        if not np.array_equal(run.sample_ids(split), ids):
            raise RunError(
                f"{run.folder.name} and {runs[0].folder.name} predict different {split} samples; "
                "an ensemble needs runs on one data set"
            )
    parts = [run.predictions(split, tta) for run in runs]
    return parts[0][0], np.stack([y_prob for _, y_prob in parts])


def vote(ensemble: Ensemble, runs: Sequence[Run], tta: str = "none") -> np.ndarray:
    """Return the test probabilities of the ensemble fitted on valid, (N, C) float64."""
    valid_true, valid_probs = stack_predictions(runs, "valid", tta)
    _, test_probs = stack_predictions(runs, "test", tta)
    return combine(ensemble.combiner, valid_true, valid_probs, test_probs)


def ensemble_facts(
    ensemble: Ensemble,
    runs: Mapping[str, Sequence[Run]],
    occurs_in_train: np.ndarray,
    samples: int = 2_000,
) -> Facts | None:
    """Return what the report says of one ensemble, JSON-ready, or None when members are missing.

    Accuracies are fractions, measures as in `fer_utils.reporting.measures`.  That of valid is
    cross-validated: each fold is predicted by the combiner fitted on the other folds.
    occurs_in_train: (N,) bool, the test images with an exact copy in train.
    """
    members, missing = member_runs(ensemble, runs)
    if (missing and ensemble.all_members) or len(members) < 2:
        return None
    names, manifests = members[0].class_names, [run.manifest for run in members]
    people = {split: people_of(members[0], split) for split in ("valid", "test")}
    test, counts, valid = {}, {}, {}
    for mode in MODES:
        y_true, _ = members[0].predictions("test", mode)
        y_prob = vote(ensemble, members, mode)
        metrics = evaluate(
            y_true, y_prob, names, occurs_in_train=occurs_in_train, samples=samples,
            groups=people["test"],
        )  # fmt: skip
        counts[mode] = count([(y_true, y_prob)], samples, people["test"])
        test[mode] = all_measures([metrics], counts[mode], names)
        y_true, y_probs = stack_predictions(members, "valid", mode)
        y_prob = cross_validated(ensemble.combiner, y_true, y_probs)
        metrics = evaluate(y_true, y_prob, names, samples=samples, groups=people["valid"])
        of_valid = count([(y_true, y_prob)], samples, people["valid"])
        valid[mode] = all_measures([metrics], of_valid, names)
    return {
        "name": ensemble.name,
        "title": ensemble.title,
        "reproduces": ensemble.reproduces,
        "combiner": ensemble.combiner,
        "members": [f"{m['recipe']['name']}, seed {m['seed']}" for m in manifests],
        "missing": missing,
        "profile": " and ".join(sorted({m["profile"] for m in manifests})),
        "source": unique(m["data"]["source"] for m in manifests),
        "parameters": sum(m["parameters"] for m in manifests),
        "minutes": sum(m["seconds"] for m in manifests) / 60,
        "seeds": [0],
        "expected_seeds": 1,
        "valid": valid,
        "test": test,
        "tta_gain": {"flip_and_seven": paired_gain(counts["flip_and_seven"], counts["none"])},
    }
