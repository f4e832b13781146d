"""Which faces are looked at: those that the model gets right, drawn by chance."""

import numpy as np


def correct_faces(
    y_true: np.ndarray, y_prob: np.ndarray, per_class: int, seed: int = 0
) -> np.ndarray:
    """Return the positions of up to `per_class` faces of each class that are predicted right.

    y_true: (N,) int; y_prob: (N, C).  (n,) int64, by class; drawn by chance, not by confidence,
    which would show the easy faces only.  A class that is never right has none.
    """
    generator = np.random.default_rng(seed)
    right = y_prob.argmax(axis=1) == y_true
    drawn = [
        np.sort(generator.permutation(np.flatnonzero(right & (y_true == label)))[:per_class])
        for label in range(y_prob.shape[1])
    ]
    return np.concatenate(drawn)


def surest_faces(y_true: np.ndarray, y_prob: np.ndarray, n: int = 1) -> np.ndarray:
    """Return the positions of the `n` faces of each class with the highest probability of it.

    y_true: (N,) int; y_prob: (N, C).  (C * n,) int64, by class, surest first; fewer where a
    class has fewer.
    """
    positions = []
    for label in range(y_prob.shape[1]):
        mine = np.flatnonzero(y_true == label)
        positions.append(mine[np.argsort(-y_prob[mine, label], kind="stable")][:n])
    return np.concatenate(positions)


def class_means(maps: np.ndarray, labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Return the mean of the maps (N, H, W) of each class, (C, H, W); NaN for one without any."""
    means = np.full((num_classes, *maps.shape[1:]), np.nan)
    for label in np.unique(labels):
        means[label] = maps[labels == label].mean(axis=0)
    return means
