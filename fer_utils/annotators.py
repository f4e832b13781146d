"""What ten annotators say of a face, how far they agree, and how far a label or a net can.

FER+ (Barsoum et al. 2016) has ten votes for every image of FER2013.  Votes here are (N, 10)
whole numbers in the order of `FERPLUS_VOTES`; a majority is that of the authors' protocol, see
`fer_utils.datasets.ferplus.majority`.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from fer_utils.datasets.ferplus import EXPRESSIONS, majority
from fer_utils.error_analysis import FER2013_LABELS
from fer_utils.errors import DataError
from fer_utils.evaluation import SMALLEST_PROBABILITY, interval, resample_weights
from fer_utils.labels import FER2013_CLASSES, FERPLUS_VOTES

#: What becomes of an image: its majority's expression, or why the protocol drops it.
OUTCOMES = (*EXPRESSIONS, "no majority", "unknown", "not a face")

ANNOTATORS = 10
_UNKNOWN, _NO_FACE = FERPLUS_VOTES.index("unknown"), FERPLUS_VOTES.index("NF")


#: For each of `FER2013_CLASSES` the same emotion's index in `EXPRESSIONS`.
_EXPRESSION_OF = np.array([list(FER2013_LABELS).index(k) for k in range(len(FER2013_CLASSES))])


@dataclass(frozen=True)
class Estimate:
    """A mean over images with its 95 % bootstrap interval; NaN of no images.

    images: how many images have a part in it.
    """

    value: float
    ci_low: float
    ci_high: float
    images: int


def as_expressions(labels: np.ndarray) -> np.ndarray:
    """Return FER2013's labels, (N,) int, as those of the same emotions in `EXPRESSIONS`."""
    return _EXPRESSION_OF[labels]


def outcomes(votes: np.ndarray) -> np.ndarray:
    """Return what becomes of each image under the authors' protocol, (N,) index into `OUTCOMES`."""
    votes = _checked(votes)
    winner = majority(votes)
    kept = np.where(votes > 1, votes, 0).astype(np.int64)
    most = 2 * kept > kept.sum(axis=1, keepdims=True)  # at most one column of a row
    dropped = np.full(len(votes), OUTCOMES.index("no majority"))
    dropped[most[:, _UNKNOWN]] = OUTCOMES.index("unknown")
    dropped[most[:, _NO_FACE]] = OUTCOMES.index("not a face")
    return np.where(winner >= 0, winner, dropped)


def label_outcomes(labels: np.ndarray, votes: np.ndarray, num_classes: int) -> np.ndarray:
    """Return how many images have each label and each outcome, (num_classes, 11) int64.

    labels: (N,) int, below num_classes.  Raises DataError when the lengths differ.
    """
    if len(labels) != len(votes):
        raise DataError(
            f"{len(labels)} labels and {len(votes)} rows of votes: give as many of each"
        )
    counts = np.zeros((num_classes, len(OUTCOMES)), np.int64)
    np.add.at(counts, (labels, outcomes(votes)), 1)
    return counts


def vote_entropy(votes: np.ndarray) -> np.ndarray:
    """Return how split the annotators are, (N,) float64 bits: 0 where all say the same.

    It is the entropy of all votes, those for unknown and not a face included; 0 without votes.
    """
    votes = _checked(votes)
    shares = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)
    return -(shares * np.log2(np.where(shares > 0, shares, 1))).sum(axis=1) + 0.0


def cross_entropy(shares: np.ndarray, y_prob: np.ndarray) -> np.ndarray:
    """Return the cross-entropy of predictions to the votes of each image, (N,) float64 nats.

    It is the loss that an annotator drawn at random is expected to give the prediction; the
    least possible is the entropy of the votes, `cross_entropy(shares, shares)`.
    shares, y_prob: (N, C), rows sum to one.  Raises DataError when the shapes differ.
    """
    if np.shape(shares) != np.shape(y_prob):
        raise DataError(
            f"votes of shape {np.shape(shares)} and probabilities of shape {np.shape(y_prob)}: "
            "give both for the same images and classes"
        )
    logs = np.log(np.maximum(np.asarray(y_prob, np.float64), SMALLEST_PROBABILITY))
    return -(np.asarray(shares, np.float64) * logs).sum(axis=1) + 0.0


def mean_estimate(
    values: np.ndarray, chances: np.ndarray | None = None, samples: int = 2_000
) -> Estimate:
    """Return the mean of `values`, or sum(values) / sum(chances), over images.

    values: (N,) numbers; chances: (N,) how much each image counts, at least zero.  The interval
    is over resampled images, the same ones for every call with as many images.
    """
    values = np.asarray(values, np.float64)
    chances = np.ones(len(values)) if chances is None else np.asarray(chances, np.float64)
    images = int((chances > 0).sum())
    if not images:
        return Estimate(np.nan, np.nan, np.nan, 0)
    weights = resample_weights(len(values), samples).astype(np.float32)
    parts, wholes = weights @ values, weights @ chances
    resampled = parts[wholes > 0] / wholes[wholes > 0]
    return Estimate(float(values.sum() / chances.sum()), *interval(resampled), images)


def one_against_rest(
    votes: np.ndarray, *, only_expressions: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return how often one annotator names the majority of the others, exactly.

    Each annotator of an image is taken in turn; the others' votes decide, by the authors'
    protocol, without him.  Where they have no majority there is nothing to hit.  Returns hits
    and chances, both (N,) float64 in 0 to 1: the expected number for an annotator of the image
    who is drawn at random.  `mean_estimate(*one_against_rest(votes))` is the accuracy.
    only_expressions: whether an annotator who says unknown or not a face is passed over, else
    he is wrong.  The images are not chosen by the majority of all: that has his own vote in it.
    """
    votes = _checked(votes)
    share = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)
    hits, chances = np.zeros(len(votes)), np.zeros(len(votes))
    for vote in range(len(EXPRESSIONS) if only_expressions else len(FERPLUS_VOTES)):
        said = np.flatnonzero(votes[:, vote])
        others = votes[said].copy()
        others[:, vote] -= 1
        winner = majority(others)
        chances[said] += share[said, vote] * (winner >= 0)
        hits[said] += share[said, vote] * (winner == vote)
    return hits, chances


def half_against_half(votes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how often the majorities of five annotators and of the other five agree, exactly.

    All ways to part the ten are counted.  Where one of the halves has no majority there is
    nothing to compare.  Returns hits and chances, both (N,) float64 in 0 to 1: shares of the
    ways.  An image that has not ten votes has neither.
    """
    patterns, which = np.unique(_checked(votes), axis=0, return_inverse=True)
    whole = patterns.sum(axis=1) == ANNOTATORS
    hits, chances = np.zeros(len(patterns)), np.zeros(len(patterns))
    if whole.any():
        said = np.repeat(
            np.tile(np.arange(len(FERPLUS_VOTES)), whole.sum()), patterns[whole].ravel()
        )
        one_hot = np.eye(len(FERPLUS_VOTES), dtype=np.int64)[said.reshape(-1, ANNOTATORS)]
        halves = combinations(range(ANNOTATORS), ANNOTATORS // 2)
        winners = np.stack([majority(one_hot[:, list(half)].sum(axis=1)) for half in halves])
        others = winners[::-1]  # in this order the other half of the first is the last, and so on
        both = (winners >= 0) & (others >= 0)
        chances[whole] = both.mean(axis=0)
        hits[whole] = (both & (winners == others)).mean(axis=0)
    which = which.reshape(-1)
    return hits[which], chances[which]


def readers(votes: np.ndarray, samples: int = 2_000) -> dict[str, Estimate]:
    """Return how well people agree with the majority of other people, by who reads the faces.

    See `one_against_rest` and `half_against_half`.
    """
    named = one_against_rest(votes, only_expressions=True)
    return {
        "one annotator": mean_estimate(*one_against_rest(votes), samples),
        "one annotator who names an expression": mean_estimate(*named, samples),
        "five annotators against the other five": mean_estimate(*half_against_half(votes), samples),
    }


def largest_cells(counts: np.ndarray, same: np.ndarray, n: int) -> list[tuple[int, int]]:
    """Return the `n` largest (row, column) of `counts` that are not zero and not `same`.

    counts: (R, C) whole numbers; same: (R, C) bool, the cells in which both sides agree.
    """
    other = np.where(same, 0, counts)
    order = np.argsort(-other, axis=None, kind="stable")[:n]
    cells = [divmod(int(place), counts.shape[1]) for place in order]
    return [cell for cell in cells if other[cell]]


def _checked(votes: np.ndarray) -> np.ndarray:
    votes = np.asarray(votes)
    if votes.ndim != 2 or votes.shape[1] != len(FERPLUS_VOTES):
        raise DataError(
            f"votes of shape {votes.shape}: give (N, {len(FERPLUS_VOTES)}), in the order of "
            "FERPLUS_VOTES"
        )
    return votes.astype(np.int64)
