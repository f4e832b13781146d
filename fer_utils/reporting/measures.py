"""Measures as the report writes them: mean, spread over random seeds, 95 % interval.

A measure is ``{"mean", "std", "ci"}``: mean and standard deviation (None for one run) over the
random seeds, and the 95 % interval of the mean over resamples of the images (None without).
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from fer_utils.evaluation import (
    accuracy,
    balanced_accuracy,
    confusion_matrix,
    interval,
    macro_f1,
    recall,
    resample_weights,
)

Facts = dict[str, object]


def resampled_confusions(y_true: np.ndarray, y_prob: np.ndarray, samples: int) -> np.ndarray:
    """Return the confusion matrix of each of `samples` resamples of the images, (samples, C, C)."""
    weights = resample_weights(len(y_true), samples)
    return confusion_matrix(y_true, y_prob.argmax(1), y_prob.shape[1], weights)


def all_measures(
    metrics: Sequence[Mapping], resampled: Sequence[np.ndarray], class_names: Sequence[str]
) -> Facts:
    """Return the measures of one split and mode over all runs.

    metrics: of each run, as `fer_utils.evaluation.evaluate` returns them; resampled: of each run,
    as `resampled_confusions`.  The interval of ``accuracy_unseen`` is the mean of the runs' own.
    """
    measures: Facts = {}
    for name, metric in (
        ("accuracy", accuracy),
        ("macro_f1", macro_f1),
        ("balanced_accuracy", balanced_accuracy),
    ):
        bounds = interval(np.mean([metric(matrix) for matrix in resampled], axis=0))
        measures[name] = measure([part[name] for part in metrics], bounds)
    for name in ("log_loss", "ece"):
        measures[name] = measure([part[name] for part in metrics], None)
    bounds = np.transpose(interval(np.mean([recall(matrix) for matrix in resampled], axis=0)))
    measures["recall"] = {
        name: measure([part["per_class"][name]["recall"] for part in metrics], bounds[label])
        for label, name in enumerate(class_names)
    }
    if all("accuracy_unseen" in part for part in metrics):
        values = [part["accuracy_unseen"] for part in metrics]
        bounds = np.mean([part["accuracy_unseen_ci"] for part in metrics], axis=0)
        measures["accuracy_unseen"] = measure(values, bounds)
        measures["images_unseen"] = metrics[0]["images_unseen"]
    return measures


def paired_gain(
    values: Sequence[float], ours: Sequence[np.ndarray], plain: Sequence[np.ndarray]
) -> Facts:
    """Return the measure of a gain in accuracy: of each run, on the same resamples (paired)."""
    gains = [accuracy(one) - accuracy(other) for one, other in zip(ours, plain, strict=True)]
    return measure(list(values), interval(np.mean(gains, axis=0)))


def measure(values: Sequence[float], bounds: Sequence[float] | None) -> Facts:
    """Return the measure of one value per random seed, with the bounds of its interval."""
    return {
        "mean": float(np.mean(values)),
        "std": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "ci": None if bounds is None else [float(bound) for bound in bounds],
    }


def in_percent(name: str, measure: Facts | None) -> dict[str, float]:
    """Return the cells of a measure in a table of percentages: value, interval, spread."""
    if measure is None:
        return {}
    low, high = measure["ci"]
    return {
        name: round(100 * measure["mean"], 2),
        f"{name}_ci_low": round(100 * low, 2),
        f"{name}_ci_high": round(100 * high, 2),
    } | ({} if measure["std"] is None else {f"{name}_std": round(100 * measure["std"], 2)})


def unique(parts: Iterable[str]) -> list[str]:
    """Return the different ones of `parts`, in the order in which they come."""
    return list(dict.fromkeys(parts))
