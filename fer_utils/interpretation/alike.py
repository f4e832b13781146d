"""Which images some features find alike."""

import numpy as np

#: Cosine above which two images count as copies of each other.
COPY = 0.999


def most_alike(features: np.ndarray, count: int) -> np.ndarray:
    """Return for each image the `count` others whose features point most the same way.

    features: (N, F) float.  The mean is taken off first: it is what all images share, and would
    make all alike.  Images that are as good as equal (cosine above `COPY`), such as the image
    itself, are left out.  Returns positions, (N, count) int64, the most alike first.
    """
    centered = features.astype(np.float32)
    centered = centered - centered.mean(axis=0)
    directions = centered / np.linalg.norm(centered, axis=1, keepdims=True).clip(1e-12)
    cosine = directions @ directions.T
    cosine[cosine > COPY] = -np.inf
    return np.argsort(-cosine, axis=1, kind="stable")[:, :count]
