"""Ways to make rare classes count."""

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from fer_utils.errors import DataError


def class_weights(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Return the weight of each class in the loss, (C,) float32: n / (C * n_class).

    The "balanced" rule of King and Zeng (2001), as scikit-learn and cs230-fer use it.
    Raises DataError when a class has no image.
    """
    missing = sorted(set(range(num_classes)) - set(np.unique(labels).tolist()))
    if missing:
        raise DataError(f"class weights need an image of each class; none of {missing} in train")
    classes = np.arange(num_classes)
    return compute_class_weight("balanced", classes=classes, y=labels).astype(np.float32)
