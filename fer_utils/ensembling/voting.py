"""Soft votes: all members alike, weighted, or selected."""

import numpy as np
from scipy.optimize import minimize

from fer_utils.ensembling.arrays import checked, hits
from fer_utils.errors import DataError
from fer_utils.evaluation import SMALLEST_PROBABILITY, log_loss, true_class_probabilities


def soft_vote(y_probs: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the (weighted) mean of the members' probabilities, (N, C) float64, rows sum to one.

    y_probs: (M, N, C); weights: (M,) not negative, of any positive sum; None: all alike.
    Raises DataError where they do not fit each other.
    """
    y_probs = checked(y_probs)
    weights = np.ones(len(y_probs)) if weights is None else np.asarray(weights, np.float64)
    if weights.shape != (len(y_probs),) or not (weights >= 0).all() or weights.sum() <= 0:
        raise DataError(
            f"weights {weights.tolist()} do not fit {len(y_probs)} members: give one number "
            "of 0 or more for each, not all 0"
        )
    return np.tensordot(weights / weights.sum(), y_probs, axes=1)


def fit_weights(y_true: np.ndarray, y_probs: np.ndarray) -> np.ndarray:
    """Return the weights, (M,) >= 0 with sum one, whose soft vote has the lowest log loss.

    y_true: (N,) int; y_probs: (M, N, C).  The log loss is convex in the weights, so there is
    one lowest value; members that are exactly alike share their weight.
    """
    y_probs = checked(y_probs, y_true)
    right = np.maximum(true_class_probabilities(y_true, y_probs), SMALLEST_PROBABILITY)  # (M, N)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        vote = np.maximum(weights @ right, SMALLEST_PROBABILITY)
        return -np.log(vote).mean(), -(right / vote).mean(axis=1)

    found = minimize(
        loss, np.full(len(right), 1 / len(right)), jac=True, method="SLSQP",
        bounds=[(0, 1)] * len(right), options={"ftol": 1e-12, "maxiter": 500},
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
    )  # fmt: skip
    weights = np.where(found.x < 1e-6, 0, found.x)  # what is left of steps along the border
    return weights / weights.sum()


def greedy_selection(y_true: np.ndarray, y_probs: np.ndarray, rounds: int = 50) -> np.ndarray:
    """Return how often each member is in the selected ensemble, (M,) int64.

    Ensemble selection with replacement (Caruana et al. 2004): from the empty ensemble on, each
    round adds the member with which the soft vote is most accurate; ties go to the lower log
    loss, then to the earlier member.  Of all rounds, the best by the same rule is returned, so
    the counts sum to at most `rounds`.
    """
    y_probs = checked(y_probs, y_true)
    total = np.zeros(y_probs.shape[1:])
    counts, best, best_score = np.zeros(len(y_probs), np.int64), None, (-1, 0.0)
    for size in range(1, max(rounds, 1) + 1):
        votes = (total + y_probs) / size  # (M, N, C): the vote with each member added
        right, losses = hits(y_true, votes), log_loss(y_true, votes)
        chosen = np.lexsort((losses, -right))[0]
        total += y_probs[chosen]
        counts[chosen] += 1
        # Rounded, so that the same vote, with all counts doubled, is no better one.
        score = (int(right[chosen]), -round(float(losses[chosen]), 12))
        if score > best_score:
            best, best_score = counts.copy(), score
    return best
