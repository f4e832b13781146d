"""Ways to make rare classes count."""

import numpy as np

from fer_utils.errors import DataError


def class_weights(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Return the weight of each class in the loss, (C,) float32: n / (C * n_class).

    The "balanced" rule of King and Zeng (2001), as scikit-learn and cs230-fer use it.
    Raises DataError when a class has no image.
    """
    counts = np.bincount(labels, minlength=num_classes)
    missing = np.flatnonzero(counts == 0).tolist()
    if missing:
        raise DataError(f"class weights need an image of each class; none of {missing} in train")
    return (len(labels) / (num_classes * counts)).astype(np.float32)
