"""Stacking: a small model that learns from the members' probabilities (Wolpert 1992)."""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from fer_utils.ensembling.arrays import checked, fold_numbers
from fer_utils.errors import DataError
from fer_utils.evaluation import log_loss

#: Runs keep probabilities as float16, whose zeros are anything below 3e-8: as the features are
#: log-probabilities, all that are smaller than this are taken for this.
SMALLEST_FEATURE = 1e-6
#: Inverse strengths of the L2 penalty that are tried, strongest penalty first.
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)
#: Folds of the cross-validation that chooses one of them.
FOLDS = 5


@dataclass(frozen=True, eq=False)
class Stacking:
    """A multinomial logistic regression on all members' log-probabilities; call it to predict.

    shape: (M, C) of the probabilities that it takes; strength: the inverse of its L2 penalty.
    """

    model: Pipeline
    shape: tuple[int, int]
    strength: float

    def __call__(self, y_probs: np.ndarray) -> np.ndarray:
        """Return (N, C) float64 probabilities for (M, N, C); DataError for another M or C."""
        y_probs = checked(y_probs)
        if (y_probs.shape[0], y_probs.shape[2]) != self.shape:
            raise DataError(
                f"stacking was fitted on {self.shape[0]} members with {self.shape[1]} classes, "
                f"but the probabilities are {y_probs.shape}"
            )
        return _predict(self.model, _features(y_probs), self.shape[1])


@threadpool_limits.wrap(limits=1)  # on matrices so small threads wait more than they work
def fit_stacking(
    y_true: np.ndarray, y_probs: np.ndarray, strengths: tuple[float, ...] = STRENGTHS
) -> Stacking:
    """Return the stacking fitted on all of y_true (N,) and y_probs (M, N, C).

    The strength is the one of the lowest log loss in a five-fold cross-validation inside these
    data; ties go to the first.  Raises DataError for labels of fewer than two classes.
    """
    y_probs = checked(y_probs, y_true)
    if len(np.unique(y_true)) < 2:
        raise DataError("stacking needs labels of at least two classes to learn from")
    features, classes = _features(y_probs), y_probs.shape[2]
    parts, losses = fold_numbers(y_true, FOLDS), np.zeros(len(strengths))
    for part in range(FOLDS):
        rows = parts == part
        model = _model(warm_start=True)  # each strength starts where the last one ended
        for place, strength in enumerate(strengths):
            model.set_params(logisticregression__C=strength).fit(features[~rows], y_true[~rows])
            y_prob = _predict(model, features[rows], classes)
            losses[place] += rows.sum() * log_loss(y_true[rows], y_prob)
    strength = strengths[int(losses.argmin())]
    model = _model(C=strength).fit(features, y_true)
    return Stacking(model, (len(y_probs), classes), strength)


def _model(**options) -> Pipeline:
    # Features around zero change no prediction, but make the fit several times faster.
    regression = LogisticRegression(max_iter=2_000, **options)
    return make_pipeline(StandardScaler(with_std=False), regression)


def _predict(model: Pipeline, features: np.ndarray, classes: int) -> np.ndarray:
    y_prob = np.zeros((len(features), classes))  # a class absent when fitting stays at 0
    y_prob[:, model.classes_] = model.predict_proba(features)
    return y_prob


def _features(y_probs: np.ndarray) -> np.ndarray:
    """Return each member's log-probabilities less their mean over the classes, (N, M * C)."""
    logs = np.log(np.maximum(y_probs, SMALLEST_FEATURE))
    logs -= logs.mean(axis=2, keepdims=True)
    return logs.transpose(1, 0, 2).reshape(y_probs.shape[1], -1)
