"""Are two models different, and where: tests on the same images, and shared errors.

Labels and predictions are (N,) int; several members' predictions are (M, N), in the same order.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from fer_utils.errors import DataError
from fer_utils.evaluation import (
    accuracy,
    balanced_accuracy,
    confusion_matrix,
    interval,
    macro_f1,
    resampled_confusions,
)

#: What `paired_gains` compares, each from a confusion matrix.
MEASURES = {
    "accuracy": accuracy,
    "macro-F1": macro_f1,
    "balanced accuracy": balanced_accuracy,
}


@dataclass(frozen=True)
class McNemar:
    """The images that only one of two models gets right, and how likely that is by chance.

    only_a, only_b: number of images; p_value: two-sided and exact, of the null hypothesis that
    an image of either kind is as likely as one of the other.
    """

    only_a: int
    only_b: int
    p_value: float


@dataclass(frozen=True)
class Difference:
    """An accuracy difference, a minus b, with its 95 % interval; fractions of one."""

    difference: float
    ci_low: float
    ci_high: float


def mcnemar(y_true: np.ndarray, y_pred_a: np.ndarray, y_pred_b: np.ndarray) -> McNemar:
    """Return McNemar's exact test of two models on the same images (McNemar 1947).

    Images that both get right, or both wrong, say nothing about which is better; the rest is
    the toss of a fair coin if neither is.  The test takes images as independent: of several
    images per person it makes too much (see `paired_difference`, which may draw people).
    Raises DataError when the lengths differ.
    """
    right_a, right_b = _right(y_true, [y_pred_a, y_pred_b])
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    tosses = only_a + only_b
    return McNemar(only_a, only_b, binomtest(only_a, tosses).pvalue if tosses else 1.0)


def mcnemar_table(y_true: np.ndarray, y_probs: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return McNemar's test of every pair of models, with Holm's correction for their number.

    y_probs: name -> (N, C).  Columns: a, b (names), difference (of the accuracies, a minus b),
    only_a, only_b (images), p_value, p_holm (below 0.05 in any row: an error of 5 % for all
    rows together).  One row per pair, in the mapping's order.
    """
    y_preds = {name: np.asarray(y_prob).argmax(axis=1) for name, y_prob in y_probs.items()}
    rows = []
    for a, b in combinations(y_preds, 2):
        test = mcnemar(y_true, y_preds[a], y_preds[b])
        difference = (test.only_a - test.only_b) / len(y_true)
        rows.append((a, b, difference, test.only_a, test.only_b, test.p_value))
    columns = ["a", "b", "difference", "only_a", "only_b", "p_value"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(p_holm=holm(table["p_value"].to_numpy(np.float64)))


def holm(p_values: np.ndarray) -> np.ndarray:
    """Return Holm's (1979) corrected p-values, in the order given."""
    p_values = np.asarray(p_values, np.float64)
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * np.arange(len(p_values), 0, -1)
    corrected = np.empty_like(p_values)
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return corrected


def paired_difference(
    y_true: np.ndarray,
    y_pred_a: np.ndarray,
    y_pred_b: np.ndarray,
    samples: int = 2_000,
    groups: np.ndarray | None = None,
) -> Difference:
    """Return the difference of two accuracies, a minus b, with its bootstrap interval.

    Both models see the same resampled images, so what is hard for both cancels: the interval
    is narrower than the two models' own ones suggest.  groups: (N,) what is drawn instead of
    images, as `FaceDataset.people`.  Raises DataError when the lengths differ.
    """
    _right(y_true, [y_pred_a, y_pred_b])  # raises
    sure = np.eye(1 + int(max(map(np.max, (y_true, y_pred_a, y_pred_b)))))
    sides = ([(y_true, sure[y_pred])] for y_pred in (y_pred_a, y_pred_b))
    gains = paired_gains(*sides, samples, groups).set_index("metric")
    return Difference(*gains.loc["accuracy"].tolist())


def paired_gains(
    ours: Sequence[tuple[np.ndarray, np.ndarray]],
    theirs: Sequence[tuple[np.ndarray, np.ndarray]],
    samples: int = 2_000,
    groups: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return what some runs gain over others in each of `MEASURES`, with bootstrap intervals.

    ours, theirs: (y_true, y_prob) of each run, (N,) int and (N, C), all of the same images in
    the same order; a side's measure is the mean over its runs.  groups: (N,) what is drawn
    instead of images, as `FaceDataset.people`.  Columns: metric, gain, ci_low, ci_high
    (fractions of one).  Raises DataError when a run, or `groups`, is of other images.
    """
    y_true, num_classes = ours[0][0], ours[0][1].shape[1]
    if not all(np.array_equal(y_true, labels) for labels, _ in (*ours, *theirs)):
        raise DataError("runs on different images: compare predictions of the same split")
    counts, drawn = [], []
    for runs in (ours, theirs):
        y_preds = [y_prob.argmax(1) for _, y_prob in runs]
        counts.append(np.stack([confusion_matrix(y_true, one, num_classes) for one in y_preds]))
        drawn.append(resampled_confusions(y_true, y_preds, num_classes, samples, groups))
    rows = [
        (name, mean_gain(*counts, measure), *interval(mean_gain(*drawn, measure)))
        for name, measure in MEASURES.items()
    ]
    return pd.DataFrame(rows, columns=["metric", "gain", "ci_low", "ci_high"])


def mean_gain(
    ours: np.ndarray, theirs: np.ndarray, metric: Callable[[np.ndarray], np.ndarray] = accuracy
) -> np.ndarray:
    """Return the metric's mean over our runs less that over theirs, from (M, ..., C, C) counts.

    Of `fer_utils.evaluation.resampled_confusions` of both: the gain on each shared resample.
    """
    return metric(ours).mean(axis=0) - metric(theirs).mean(axis=0)


def disagreement(y_preds: np.ndarray) -> np.ndarray:
    """Return the share of images that two members predict differently, (M, M), diagonal 0."""
    y_preds = np.asarray(y_preds)
    return np.array([(y_preds != one).mean(axis=1) for one in y_preds])


def error_overlap(
    y_true: np.ndarray, y_preds: np.ndarray, *, same_class: bool = False
) -> np.ndarray:
    """Return, of the images that row's member gets wrong, the share that column's does too.

    The result is (M, M) float64 with a diagonal of 1; the row of a member without errors is NaN.
    Compare an entry with the column's error rate, which it would be if the errors were
    independent.  same_class: both must predict the same wrong class, so that a vote of the two
    cannot help.
    """
    wrong, y_preds = ~_right(y_true, y_preds), np.asarray(y_preds)
    overlap = np.full((len(wrong), len(wrong)), np.nan)
    for row, errors in zip(overlap, range(len(wrong)), strict=True):
        images = wrong[errors]
        if images.any():
            shared = wrong[:, images]
            if same_class:
                shared = shared & (y_preds[:, images] == y_preds[errors, images])
            row[:] = shared.mean(axis=1)
    return overlap


def oracle_accuracy(y_true: np.ndarray, y_preds: np.ndarray) -> float:
    """Return the share of images that at least one member gets right: no selection beats it."""
    return float(_right(y_true, y_preds).any(axis=0).mean())


def wrong_members(y_true: np.ndarray, y_preds: np.ndarray) -> np.ndarray:
    """Return how many images 0, 1, ..., M members get wrong, (M + 1,) int64."""
    wrong = ~_right(y_true, y_preds)
    return np.bincount(wrong.sum(axis=0), minlength=len(wrong) + 1)


def wrong_if_independent(y_true: np.ndarray, y_preds: np.ndarray) -> np.ndarray:
    """Return what `wrong_members` would be on average if the members erred independently.

    (M + 1,) float64 number of images, from the members' own error rates.
    """
    right = _right(y_true, y_preds)
    shares = np.ones(1)
    for rate in 1 - right.mean(axis=1):
        shares = np.convolve(shares, [1 - rate, rate])
    return shares * right.shape[1]


def _right(y_true: np.ndarray, y_preds: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
    """Return which images each member gets right, (M, N) bool."""
    shapes = [np.shape(y_pred) for y_pred in y_preds]
    if not shapes or any(shape != (len(y_true),) for shape in shapes) or len(y_true) == 0:
        raise DataError(
            f"predictions of shapes {shapes} for {len(y_true)} labels: give one predicted class "
            "per image and member, of the same images in the same order"
        )
    return np.asarray(y_preds) == y_true
