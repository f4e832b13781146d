"""Arrays of several members' probabilities: checked, scored, parted into folds."""

import numpy as np

from fer_utils.errors import DataError


def checked(y_probs: np.ndarray, y_true: np.ndarray | None = None) -> np.ndarray:
    """Return (M, N, C) float64 probabilities whose rows sum to one (float16 ones nearly do).

    Raises DataError for another shape, or when y_true (N,) are not as many.
    """
    y_probs = np.asarray(y_probs, np.float64)
    if y_probs.ndim != 3 or 0 in y_probs.shape:
        raise DataError(
            f"probabilities of shape {y_probs.shape}: expected (members, images, classes)"
        )
    if y_true is not None and np.shape(y_true) != (y_probs.shape[1],):
        raise DataError(
            f"{np.shape(y_true)} labels for {y_probs.shape[1]} images: give the labels of the "
            "split that the probabilities are of"
        )
    return y_probs / y_probs.sum(axis=2, keepdims=True)


def hits(y_true: np.ndarray, y_probs: np.ndarray) -> np.ndarray:
    """Return how many images each of (M, N, C) gets right, (M,) int64."""
    return (y_probs.argmax(axis=2) == y_true).sum(axis=1)


def fold_numbers(y_true: np.ndarray, folds: int, seed: int = 0) -> np.ndarray:
    """Return each image's fold, (N,) int64: random, of equal size, each class spread evenly."""
    if not 2 <= folds <= len(y_true):
        raise DataError(f"{len(y_true)} images cannot be parted into {folds} folds: give 2 or more")
    order = np.random.default_rng(seed).permutation(len(y_true))
    order = order[np.argsort(y_true[order], kind="stable")]
    parts = np.empty(len(y_true), np.int64)
    parts[order] = np.arange(len(y_true)) % folds
    return parts
