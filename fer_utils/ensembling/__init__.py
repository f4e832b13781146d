"""Ensembles: several nets' class probabilities made into one prediction.

Everything here starts from stored probabilities, (M, N, C): M members, N images in the same
order, C classes.  A combiner is fitted on labeled predictions of valid and returns a function
from probabilities to probabilities: test is predicted without its labels ever coming near.
"""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from fer_utils.ensembling.arrays import checked, fold_numbers
from fer_utils.ensembling.members import best_first, member_curve
from fer_utils.ensembling.stacking import Stacking, fit_stacking
from fer_utils.ensembling.voting import fit_weights, greedy_selection, soft_vote
from fer_utils.errors import unknown_name

__all__ = [
    "COMBINERS",
    "Combiner",
    "Stacking",
    "best_first",
    "combine",
    "cross_validated",
    "fit_combiner",
    "fit_stacking",
    "fit_weights",
    "greedy_selection",
    "member_curve",
    "soft_vote",
]

#: A fitted combiner: (M, N, C) probabilities to (N, C), rows sum to one.
Combiner = Callable[[np.ndarray], np.ndarray]

#: name -> function that fits on (y_true, y_probs) of valid and returns a `Combiner`.
COMBINERS: Mapping[str, Callable[[np.ndarray, np.ndarray], Combiner]] = {
    "uniform": lambda y_true, y_probs: soft_vote,
    "weighted": lambda y_true, y_probs: partial(soft_vote, weights=fit_weights(y_true, y_probs)),
    "greedy": lambda y_true, y_probs: partial(soft_vote, weights=greedy_selection(y_true, y_probs)),
    "stacking": fit_stacking,
}


def fit_combiner(name: str, y_true: np.ndarray, y_probs: np.ndarray) -> Combiner:
    """Return the combiner `name` fitted on valid: y_true (N,), y_probs (M, N, C).

    Raises ConfigError for a name that is not in `COMBINERS`, DataError for misfitting arrays.
    """
    if name not in COMBINERS:
        raise unknown_name("combiner", name, COMBINERS)
    return COMBINERS[name](y_true, checked(y_probs, y_true))


def combine(
    name: str, valid_true: np.ndarray, valid_probs: np.ndarray, test_probs: np.ndarray
) -> np.ndarray:
    """Return the test probabilities, (n, C) float64, of the combiner `name` fitted on valid.

    valid_true: (N,) int; valid_probs: (M, N, C); test_probs: (M, n, C), the same members.
    """
    return fit_combiner(name, valid_true, valid_probs)(test_probs)


def cross_validated(
    name: str, y_true: np.ndarray, y_probs: np.ndarray, folds: int = 5
) -> np.ndarray:
    """Return probabilities, (N, C) float64, each by the combiner fitted on the other folds.

    Their score is an honest one for valid: a combiner scored on what it was fitted on looks
    better than it is.  y_true: (N,) int; y_probs: (M, N, C).
    """
    y_probs, parts = checked(y_probs, y_true), fold_numbers(y_true, folds)
    y_prob = np.empty(y_probs.shape[1:])
    for part in range(folds):
        rows = parts == part
        y_prob[rows] = combine(name, y_true[~rows], y_probs[:, ~rows], y_probs[:, rows])
    return y_prob
