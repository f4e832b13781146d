"""Which images a model gets wrong, and what ten other annotators said of them.

FER2013's labels are noisy: FER+ (Barsoum et al. 2016) asked ten annotators for each of its
images.  Where they disagree with each other, or with the label, a "mistake" may be none.
Labels and predictions here are FER2013's, indices into `FER2013_CLASSES`; votes are (N, 10) in
the order of `FERPLUS_VOTES`, row for row those of the images.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from fer_utils.datasets.ferplus import majority
from fer_utils.errors import DataError
from fer_utils.labels import FER2013_CLASSES, FERPLUS_VOTES

_SAME_EMOTION = {
    "anger": "angry",
    "disgust": "disgust",
    "fear": "fear",
    "happiness": "happy",
    "sadness": "sad",
    "surprise": "surprise",
    "neutral": "neutral",
}
#: For each of `FERPLUS_VOTES` the same emotion's index in `FER2013_CLASSES`, or -1 (contempt,
#: unknown, not a face).
FER2013_LABELS = np.array(
    [
        FER2013_CLASSES.index(_SAME_EMOTION[name]) if name in _SAME_EMOTION else -1
        for name in FERPLUS_VOTES
    ]
)


def most_confident_mistakes(y_true: np.ndarray, y_prob: np.ndarray, n: int) -> np.ndarray:
    """Return the positions of the `n` mistakes with the highest confidence, surest first.

    y_true: (N,) int; y_prob: (N, C).  Fewer when there are fewer mistakes.
    """
    mistakes = np.flatnonzero(y_prob.argmax(axis=1) != y_true)
    return mistakes[np.argsort(-y_prob[mistakes].max(axis=1), kind="stable")][:n]


def most_ambiguous(y_prob: np.ndarray, n: int) -> np.ndarray:
    """Return the positions of the `n` images whose top three probabilities lie closest together.

    y_prob: (N, C) with C of 3 or more.  Closeness is the first less the third.
    """
    top = -np.sort(-np.asarray(y_prob, np.float64), axis=1)[:, :3]
    return np.argsort(top[:, 0] - top[:, -1], kind="stable")[:n]


def top_share(votes: np.ndarray) -> np.ndarray:
    """Return the share of an image's votes that its most voted class has, (N,) float64."""
    votes = np.asarray(votes)
    return votes.max(axis=1) / np.maximum(votes.sum(axis=1), 1)


def ferplus_majority(votes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return FER+'s majority as FER2013 labels, (N,) int64, and where there is one, (N,) bool.

    The label is -1 where there is none, and for contempt, which FER2013 does not have.
    """
    winner = majority(votes)
    return np.where(winner >= 0, FER2013_LABELS[winner], -1), winner >= 0


def accuracy_by_agreement(
    y_true: np.ndarray,
    y_pred: np.ndarray,
    votes: np.ndarray,
    starts: Sequence[float] = (0, 0.5, 0.6, 0.7, 0.8, 0.9, 1),
) -> pd.DataFrame:
    """Return the accuracy on FER2013's labels against the agreement of FER+'s annotators.

    Agreement is the share of the ten votes that the most voted class (of all ten, unknown and
    not a face included) has.  starts: the lowest agreement of each bin, which ends where the
    next one starts.  Columns: group (text), start, images, accuracy, ci_low, ci_high (Wilson,
    95 %), label_is_top (share of the bin's images whose FER2013 label is among the most voted
    classes: where it is low, the label itself is in doubt).  NaN for a bin without images.
    """
    _check(y_true, y_pred, votes)
    votes, starts = np.asarray(votes), np.asarray(starts, np.float64)
    # Tenths are not exact in binary: a vote's share may lie a hair below its bin's start.
    bins = np.searchsorted(starts, top_share(votes) + 1e-9, side="right") - 1
    columns = np.argsort(FER2013_LABELS)[-len(FER2013_CLASSES) :]  # of the classes, in order
    is_top = votes[np.arange(len(votes)), columns[y_true]] == votes.max(axis=1)
    masks = [(_bin_name(starts, place), bins == place) for place in range(len(starts))]
    table = _accuracies(y_pred == y_true, masks)
    table.insert(1, "start", starts)
    table["label_is_top"] = [is_top[mask].mean() if mask.any() else np.nan for _, mask in masks]
    return table


def accuracy_by_label(y_true: np.ndarray, y_pred: np.ndarray, votes: np.ndarray) -> pd.DataFrame:
    """Return the accuracy on FER2013's labels, by what FER+'s majority says of the label.

    Columns: group ("label is the majority", "majority is another class", "no majority"),
    images, accuracy, ci_low, ci_high (Wilson, 95 %).  The majority is that of FER+'s authors,
    see `fer_utils.datasets.ferplus.majority`; contempt is another class.
    """
    _check(y_true, y_pred, votes)
    label, found = ferplus_majority(votes)
    masks = [
        ("label is the majority", found & (label == y_true)),
        ("majority is another class", found & (label != y_true)),
        ("no majority", ~found),
    ]
    return _accuracies(y_pred == y_true, masks)


def label_noise_share(y_true: np.ndarray, y_pred: np.ndarray, votes: np.ndarray) -> pd.DataFrame:
    """Return, of the model's errors, whom FER+'s majority sides with.

    Columns: group ("with the label", "with the model", "with neither", "no majority"), images,
    share, ci_low, ci_high (Wilson, 95 %).  The shares sum to one; NaN without errors.
    """
    _check(y_true, y_pred, votes)
    wrong = np.asarray(y_pred) != y_true
    label, found = ferplus_majority(votes)
    with_label, with_model = found & (label == y_true), found & (label == y_pred)
    masks = [
        ("with the label", with_label),
        ("with the model", with_model),
        ("with neither", found & ~with_label & ~with_model),
        ("no majority", ~found),
    ]
    rows = [
        (name, *_share((wrong & mask).sum(), wrong.sum()), (wrong & mask).sum())
        for name, mask in masks
    ]
    table = pd.DataFrame(rows, columns=["group", "share", "ci_low", "ci_high", "images"])
    return table[["group", "images", "share", "ci_low", "ci_high"]]


def _accuracies(right: np.ndarray, masks: Iterable[tuple[str, np.ndarray]]) -> pd.DataFrame:
    rows = [(name, mask.sum(), *_share(right[mask].sum(), mask.sum())) for name, mask in masks]
    return pd.DataFrame(rows, columns=["group", "images", "accuracy", "ci_low", "ci_high"])


def _share(part: int, whole: int) -> tuple[float, float, float]:
    """Return part / whole with Wilson's 95 % interval; NaN of nothing."""
    if whole == 0:
        return np.nan, np.nan, np.nan
    found = binomtest(int(part), int(whole)).proportion_ci(method="wilson")
    return part / whole, found.low, found.high


def _bin_name(starts: np.ndarray, place: int) -> str:
    low = f"{100 * starts[place]:.0f}"
    if place + 1 < len(starts):
        end = 100 * starts[place + 1]
        return f"below {end:.0f} %" if starts[place] <= 0 else f"{low} to {end - 1:.0f} %"
    return f"{low} %" if starts[place] >= 1 else f"{low} % and more"


def _check(y_true: np.ndarray, y_pred: np.ndarray, votes: np.ndarray) -> None:
    expected = (len(y_true), len(FERPLUS_VOTES))
    if np.shape(y_pred) != np.shape(y_true) or np.shape(votes) != expected:
        raise DataError(
            f"labels {np.shape(y_true)}, predictions {np.shape(y_pred)}, votes "
            f"{np.shape(votes)}: give one label, one prediction and ten votes per image"
        )
