"""A temperature that was applied is found again, and changes nothing but confidence."""

import numpy as np
import pytest

from fer_utils.calibration import BOUNDS, apply_temperature, fit_temperature
from fer_utils.errors import DataError
from fer_utils.evaluation import expected_calibration_error


def calibrated(n: int = 20_000, classes: int = 5, seed: int = 0):
    """Return probabilities, and labels drawn from them: perfectly calibrated."""
    generator = np.random.default_rng(seed)
    y_prob = generator.dirichlet(np.full(classes, 0.6), n) * 0.98 + 0.02 / classes
    y_true = (y_prob.cumsum(axis=1) > generator.random((n, 1))).argmax(axis=1)
    return y_true, y_prob


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_is_found_again(temperature):
    y_true, y_prob = calibrated()
    distorted = apply_temperature(y_prob, 1 / temperature)  # undone by `temperature`
    found = fit_temperature(y_true, distorted)
    assert found == pytest.approx(temperature, rel=0.03)
    before = expected_calibration_error(y_true, distorted)
    after = expected_calibration_error(y_true, apply_temperature(distorted, found))
    assert after < 0.015
    if temperature != 1:
        assert before > 4 * after


def test_it_is_the_softmax_of_divided_logits():
    logits = np.random.default_rng(0).normal(size=(20, 5)) * 3

    def softmax(x):
        return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)

    for temperature in (0.3, 1, 4):
        found = apply_temperature(softmax(logits), temperature)
        assert found == pytest.approx(softmax(logits / temperature), abs=1e-12)


def test_predictions_stay_and_confidence_moves():
    _, y_prob = calibrated(200)
    cool, hot = apply_temperature(y_prob, 0.5), apply_temperature(y_prob, 2)
    for changed in (cool, hot):
        assert (changed.argmax(axis=1) == y_prob.argmax(axis=1)).all()
        assert changed.sum(axis=1) == pytest.approx(1)
    assert (hot.max(axis=1) <= y_prob.max(axis=1)).all()
    assert (cool.max(axis=1) >= y_prob.max(axis=1)).all()


def test_zeros_of_float16_do_no_harm():
    y_true = np.array([0, 1, 1])
    y_prob = np.array([[1, 0], [0, 1], [1, 0]], np.float16)  # the last is a sure mistake
    found = fit_temperature(y_true, y_prob)
    assert BOUNDS[0] < found < BOUNDS[1]
    assert np.isfinite(apply_temperature(y_prob, found)).all()
    # two of three are right: the best that one number can do is to say so
    assert apply_temperature(y_prob, found)[0, 0] == pytest.approx(2 / 3, abs=1e-4)


def test_the_fit_is_the_lowest_of_a_grid():
    y_true, y_prob = calibrated(300)
    y_prob = apply_temperature(y_prob, 0.3)

    def loss(temperature):
        scaled = apply_temperature(y_prob, temperature)
        return -np.log(np.maximum(scaled[np.arange(300), y_true], 1e-300)).mean()

    grid = np.exp(np.linspace(*np.log(BOUNDS), 400))
    assert loss(fit_temperature(y_true, y_prob)) <= min(map(loss, grid)) + 1e-9


@pytest.mark.parametrize("temperature", [0, -1, np.inf, np.nan])
def test_impossible_temperatures(temperature):
    with pytest.raises(DataError, match="give a positive number"):
        apply_temperature(np.eye(2), temperature)


def test_labels_and_predictions_must_be_as_many():
    for labels in (0, 3):
        with pytest.raises(DataError, match=f"{labels} labels and 2 predictions"):
            fit_temperature(np.zeros(labels, int), np.eye(2))
