"""Measures as the report writes them: mean, spread over random seeds, 95 % interval.

A measure is ``{"mean", "std", "ci"}``: mean and standard deviation (None for one run) over the
random seeds, and the 95 % interval of the mean over resamples of the images, or of the people in
them where those are known (None without).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fer_utils.comparison import mean_gain
from fer_utils.evaluation import (
    METRICS,
    accuracy,
    confusion_matrix,
    interval,
    recall,
    resampled_confusions,
)

Facts = dict[str, object]


@dataclass(frozen=True)
class Counts:
    """Confusion matrices of the R runs of one recipe, or of one ensemble, on one split.

    plain: (R, C, C) of the images as they are; resampled: (R, samples, C, C), shared resamples.
    """

    plain: np.ndarray
    resampled: np.ndarray


def count(
    predictions: Sequence[tuple[np.ndarray, np.ndarray]],
    samples: int,
    groups: np.ndarray | None = None,
) -> Counts:
    """Return the confusion matrices of each run's (y_true, y_prob), (N,) int and (N, C).

    groups: (N,) the people, where they are known: they are drawn instead of images.
    """
    (y_true, y_prob), *_ = predictions
    num_classes, y_preds = y_prob.shape[1], [y_prob.argmax(1) for _, y_prob in predictions]
    return Counts(
        np.stack([confusion_matrix(y_true, one, num_classes) for one in y_preds]),
        resampled_confusions(y_true, y_preds, num_classes, samples, groups),
    )


def all_measures(metrics: Sequence[Mapping], counts: Counts, class_names: Sequence[str]) -> Facts:
    """Return the measures of one split and mode over all runs.

    counts: of the predictions, which give what depends on the predicted class alone; metrics: of
    each run, as `fer_utils.evaluation.evaluate` returns them, for the rest.  The interval of
    ``accuracy_unseen`` is the mean of the runs' own, unless all images are unseen.
    """
    measures: Facts = {
        name: measure(metric(counts.plain), interval(metric(counts.resampled).mean(axis=0)))
        for name, metric in METRICS.items()
    }
    for name in ("log_loss", "ece"):
        measures[name] = measure([part[name] for part in metrics], None)
    bounds = np.transpose(interval(recall(counts.resampled).mean(axis=0)))
    values = recall(counts.plain).T
    measures["recall"] = {
        name: measure(values[label], bounds[label]) for label, name in enumerate(class_names)
    }
    if all("accuracy_unseen" in part for part in metrics):
        measures["accuracy_unseen"] = _unseen(metrics, measures["accuracy"])
        measures["images_unseen"] = metrics[0]["images_unseen"]
    return measures


def _unseen(metrics: Sequence[Mapping], of_all: Facts) -> Facts:
    """Return the measure of the accuracy without copies, which where there are none is `of_all`."""
    if metrics[0]["images_unseen"] == metrics[0]["images"]:
        return of_all
    bounds = np.mean([part["accuracy_unseen_ci"] for part in metrics], axis=0)
    return measure([part["accuracy_unseen"] for part in metrics], bounds)


def paired_gain(ours: Counts, plain: Counts) -> Facts:
    """Return the measure of a gain in accuracy: of each run, on the same resamples (paired)."""
    values = accuracy(ours.plain) - accuracy(plain.plain)
    return measure(values, interval(mean_gain(ours.resampled, plain.resampled)))


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
