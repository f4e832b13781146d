"""Temperature scaling: one number makes confidences honest (Guo et al. 2017)."""

import numpy as np
from scipy.optimize import minimize_scalar

from fer_utils.errors import DataError
from fer_utils.evaluation import SMALLEST_PROBABILITY

#: The temperatures between which `fit_temperature` looks.
BOUNDS = (0.01, 100.0)


def apply_temperature(y_prob: np.ndarray, temperature: float) -> np.ndarray:
    """Return the probabilities at another temperature, (N, C) float64, rows sum to one.

    They are the softmax of log(y_prob) / temperature: the logits are not needed, because the
    softmax ignores what is added to a whole row of them.  Above 1 confidences fall, below they
    rise; the predicted class stays.  y_prob: (N, C).  Raises DataError for a temperature that
    is not a positive number.
    """
    if not 0 < temperature < np.inf:
        raise DataError(f"temperature {temperature}: give a positive number, 1 changes nothing")
    return np.exp(_log_softmax(y_prob, temperature))


def fit_temperature(y_true: np.ndarray, y_prob: np.ndarray) -> float:
    """Return the temperature, within `BOUNDS`, with the lowest log loss on y_true (N,) int.

    Fit it on valid: y_prob, (N, C), is then what the model says of valid.  Raises DataError
    for no or for misfitting predictions.
    """
    if len(y_true) == 0 or len(y_true) != len(y_prob):
        raise DataError(
            f"{len(y_true)} labels and {len(y_prob)} predictions: a temperature needs as many "
            "of one as of the other, and at least one"
        )
    rows = np.arange(len(y_true))

    def loss(log_temperature: float) -> float:
        return -_log_softmax(y_prob, np.exp(log_temperature))[rows, y_true].mean()

    found = minimize_scalar(loss, bounds=np.log(BOUNDS), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def _log_softmax(y_prob: np.ndarray, temperature: float) -> np.ndarray:
    logs = np.log(np.maximum(np.asarray(y_prob, np.float64), SMALLEST_PROBABILITY)) / temperature
    logs -= logs.max(axis=1, keepdims=True)
    return logs - np.log(np.exp(logs).sum(axis=1, keepdims=True))
