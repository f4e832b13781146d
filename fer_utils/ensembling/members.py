"""How much each further member adds."""

from itertools import combinations
from math import comb

import numpy as np
import pandas as pd

from fer_utils.ensembling.arrays import checked, hits
from fer_utils.evaluation import log_loss


def best_first(y_true: np.ndarray, y_probs: np.ndarray) -> np.ndarray:
    """Return the members, (M,) int64, from the most accurate down; ties by log loss, then place.

    Give it valid: the order, and whoever comes first, is a choice.
    """
    y_probs = checked(y_probs, y_true)
    return np.lexsort((log_loss(y_true, y_probs), -hits(y_true, y_probs)))


def member_curve(
    y_true: np.ndarray,
    y_probs: np.ndarray,
    order: np.ndarray | None = None,
    limit: int = 252,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the accuracy of the uniform vote against the number of members.

    order: (M,) members, the first ones of which vote in column `best_first` (see the function;
    NaN without it).  Columns: members (1 to M), subsets (how many of that size were tried),
    mean, low, high (over them), best_first; fractions of one.  All subsets of a size are tried,
    or `limit` different ones drawn at random: the default has room for all of ten members'.
    """
    y_probs = checked(y_probs, y_true)
    count, flat = len(y_probs), y_probs.reshape(len(y_probs), -1)
    generator, rows = np.random.default_rng(seed), []

    def accuracies(subsets: list[tuple[int, ...]]) -> np.ndarray:
        chosen = np.zeros((len(subsets), count))
        for row, subset in zip(chosen, subsets, strict=True):
            row[list(subset)] = 1
        votes = (chosen @ flat).reshape(-1, *y_probs.shape[1:])
        return hits(y_true, votes) / len(y_true)

    for size in range(1, count + 1):
        if comb(count, size) <= limit:
            subsets = list(combinations(range(count), size))
        else:
            drawn: dict[tuple[int, ...], None] = {}
            while len(drawn) < limit:
                drawn[tuple(sorted(generator.permutation(count)[:size].tolist()))] = None
            subsets = list(drawn)
        values = accuracies(subsets)
        best = np.nan if order is None else accuracies([tuple(order[:size])])[0]
        rows.append((size, len(subsets), values.mean(), values.min(), values.max(), best))
    return pd.DataFrame(rows, columns=["members", "subsets", "mean", "low", "high", "best_first"])
