"""Combiners find what helps on valid, and never see a label of test."""

import inspect
from itertools import combinations

import numpy as np
import pytest

from fer_utils.ensembling import (
    COMBINERS,
    best_first,
    combine,
    cross_validated,
    fit_combiner,
    fit_stacking,
    fit_weights,
    greedy_selection,
    member_curve,
    soft_vote,
)
from fer_utils.ensembling.arrays import fold_numbers
from fer_utils.errors import ConfigError, DataError


def members(skills, n: int = 400, classes: int = 4, seed: int = 0):
    """Return labels (n,) and independent members' probabilities; a skill of 0 is a guess."""
    generator = np.random.default_rng(seed)
    y_true = generator.integers(0, classes, n)
    logits = generator.normal(size=(len(skills), n, classes))
    logits[:, np.arange(n), y_true] += np.array(skills, float)[:, None]
    y_probs = np.exp(logits)
    return y_true, y_probs / y_probs.sum(axis=2, keepdims=True)


def accuracy(y_true, y_prob) -> float:
    return float((y_prob.argmax(axis=1) == y_true).mean())


def log_loss(y_true, y_prob) -> float:
    return float(-np.log(y_prob[np.arange(len(y_true)), y_true]).mean())


# -- votes ------------------------------------------------------------------------------------


def test_soft_vote_is_the_weighted_mean():
    _, y_probs = members([1, 1, 1])
    assert soft_vote(y_probs) == pytest.approx(y_probs.mean(axis=0))
    expected = 0.75 * y_probs[0] + 0.25 * y_probs[2]
    assert soft_vote(y_probs, [3, 0, 1]) == pytest.approx(expected)


def test_soft_vote_of_rounded_probabilities_sums_to_one():
    _, y_probs = members([1, 1])
    rounded = y_probs.astype(np.float16)
    assert np.abs(rounded.astype(float).sum(axis=2) - 1).max() > 1e-5
    assert soft_vote(rounded).sum(axis=1) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("weights", [[1, 1], [1, 1, -1], [0, 0, 0], [np.nan, 1, 1]])
def test_soft_vote_rejects_weights_that_do_not_fit(weights):
    with pytest.raises(DataError, match="do not fit 3 members"):
        soft_vote(members([1, 1, 1])[1], weights)


def test_arrays_that_do_not_fit_are_named():
    y_true, y_probs = members([1, 1])
    with pytest.raises(DataError, match=r"shape \(400, 4\): expected \(members, images"):
        soft_vote(y_probs[0])
    for fit in (fit_weights, greedy_selection, fit_stacking, best_first, member_curve):
        with pytest.raises(DataError, match=r"\(399,\) labels for 400 images"):
            fit(y_true[1:], y_probs)


def test_weights_find_the_good_member():
    y_true, y_probs = members([0, 4, 0])
    weights = fit_weights(y_true, y_probs)
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()
    assert weights[1] > 0.9


def test_weights_have_the_lowest_log_loss_of_a_grid():
    y_true, y_probs = members([0.5, 1.5, 1.0])
    steps = np.linspace(0, 1, 41)
    grid = [(a, b, 1 - a - b) for a in steps for b in steps if a + b <= 1]
    lowest = min(log_loss(y_true, soft_vote(y_probs, np.abs(weights))) for weights in grid)
    found = log_loss(y_true, soft_vote(y_probs, fit_weights(y_true, y_probs)))
    assert lowest - 1e-3 < found <= lowest


def test_weights_survive_a_sure_mistake():
    y_true, y_probs = members([2, 2])
    y_probs[0, 0] = np.eye(4)[(y_true[0] + 1) % 4]  # probability 0 for the truth
    assert np.isfinite(fit_weights(y_true, y_probs)).all()


def greedy_by_hand(y_true, y_probs, rounds):
    """Return the counts of the best round, from lists of members."""

    def score(chosen):
        vote = y_probs[chosen].mean(axis=0)
        return accuracy(y_true, vote), -round(log_loss(y_true, vote), 12)

    chosen, best = [], None
    for _ in range(rounds):
        chosen = max(([*chosen, m] for m in range(len(y_probs))), key=score)
        if best is None or score(chosen) > score(best):
            best = chosen
    return np.bincount(best, minlength=len(y_probs))


@pytest.mark.parametrize("seed", range(4))
def test_greedy_selection_is_the_one_by_hand(seed):
    y_true, y_probs = members([0.5, 1, 1.2, 1.4], n=120, seed=seed)
    counts = greedy_selection(y_true, y_probs, rounds=12)
    assert counts.tolist() == greedy_by_hand(y_true, y_probs, 12).tolist()


def test_greedy_selection_is_at_least_as_good_as_the_best_member():
    y_true, y_probs = members([0, 1, 1.5])
    counts = greedy_selection(y_true, y_probs)
    singles = [accuracy(y_true, y_prob) for y_prob in y_probs]
    assert accuracy(y_true, soft_vote(y_probs, counts)) > max(singles)
    assert 1 <= counts.sum() <= 50
    # the same member again and again is no better than once
    assert greedy_selection(y_true, y_probs[2:]).tolist() == [1]


def test_greedy_selection_breaks_ties_by_log_loss():
    y_true, (y_prob,) = members([1])
    flat = 0.1 * y_prob + 0.9 / 4  # the same predictions with other confidences
    assert log_loss(y_true, y_prob) < log_loss(y_true, flat)
    assert greedy_selection(y_true, np.array([flat, y_prob]), rounds=1).tolist() == [0, 1]
    assert greedy_selection(y_true, np.array([y_prob, flat]), rounds=1).tolist() == [1, 0]


# -- stacking ---------------------------------------------------------------------------------


def test_stacking_mends_a_permutation_of_the_classes():
    y_true, y_probs = members([3, 3])
    y_probs = y_probs[:, :, [1, 2, 3, 0]]  # all members name the wrong class
    assert accuracy(y_true[200:], soft_vote(y_probs[:, 200:])) < 0.1
    y_prob = combine("stacking", y_true[:200], y_probs[:, :200], y_probs[:, 200:])
    assert accuracy(y_true[200:], y_prob) > 0.9
    assert y_prob.sum(axis=1) == pytest.approx(1)


def test_stacking_chooses_a_strong_penalty_when_there_is_nothing_to_learn():
    strong, weak = 1e-4, 10.0
    y_true, y_probs = members([0] * 6, n=150)
    assert fit_stacking(y_true, y_probs, (strong, weak)).strength == strong
    y_true, y_probs = members([3, 3], n=150)
    assert fit_stacking(y_true, y_probs[:, :, [1, 2, 3, 0]], (strong, weak)).strength == weak


def test_stacking_knows_its_members_and_its_classes():
    y_true, y_probs = members([2, 2, 2])
    stacking = fit_stacking(y_true, y_probs)
    with pytest.raises(DataError, match="fitted on 3 members with 4 classes"):
        stacking(y_probs[:2])
    absent = fit_stacking(np.where(y_true == 2, 0, y_true), y_probs)(y_probs)
    assert absent.shape == (400, 4)
    assert (absent[:, 2] == 0).all()
    assert absent.sum(axis=1) == pytest.approx(1)
    with pytest.raises(DataError, match="at least two classes"):
        fit_stacking(np.zeros(400, int), y_probs)


# -- one call for all -------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMBINERS)
def test_each_combiner_beats_its_worst_member_and_is_the_same_twice(name):
    y_true, y_probs = members([0.5, 2, 2])
    arguments = name, y_true[:250], y_probs[:, :250], y_probs[:, 250:]
    y_prob = combine(*arguments)
    assert y_prob.shape == (150, 4)
    assert y_prob.dtype == np.float64
    assert y_prob.sum(axis=1) == pytest.approx(1)
    assert accuracy(y_true[250:], y_prob) > accuracy(y_true[250:], y_probs[0, 250:]) + 0.1
    assert (combine(*arguments) == y_prob).all()


@pytest.mark.parametrize("name", COMBINERS)
def test_a_prediction_depends_on_its_own_image_only(name):
    y_true, y_probs = members([1, 2, 2])
    combiner = fit_combiner(name, y_true[:250], y_probs[:, :250])
    together = combiner(y_probs[:, 250:])
    alone = np.concatenate([combiner(y_probs[:, i : i + 1]) for i in range(250, 400)])
    assert alone == pytest.approx(together, abs=1e-12)


def test_labels_of_test_have_no_way_in():
    assert list(inspect.signature(combine).parameters) == [
        "name", "valid_true", "valid_probs", "test_probs",
    ]  # fmt: skip
    y_true, y_probs = members([1, 2])
    for name in COMBINERS:
        combiner = fit_combiner(name, y_true, y_probs)
        with pytest.raises((TypeError, DataError)):
            combiner(y_probs, y_true)


def test_an_unknown_combiner_is_named():
    y_true, y_probs = members([1, 2])
    with pytest.raises(ConfigError, match=r"unknown combiner 'median'; known: greedy, stacking"):
        fit_combiner("median", y_true, y_probs)


def test_cross_validation_fits_on_the_other_folds():
    y_true, y_probs = members([1, 2, 0.5], n=101)
    found, parts = cross_validated("weighted", y_true, y_probs, folds=4), fold_numbers(y_true, 4)
    for part in range(4):
        rows = parts == part
        weights = fit_weights(y_true[~rows], y_probs[:, ~rows])
        assert found[rows] == pytest.approx(soft_vote(y_probs[:, rows], weights))
    assert cross_validated("uniform", y_true, y_probs) == pytest.approx(soft_vote(y_probs))


def test_cross_validation_is_not_fooled_by_guesses():
    y_true, y_probs = members([0] * 30, n=200)  # nothing to find, much to fit
    fitted = combine("greedy", y_true, y_probs, y_probs)
    held_out = cross_validated("greedy", y_true, y_probs)
    assert accuracy(y_true, fitted) > 0.35
    assert abs(accuracy(y_true, held_out) - 0.25) < 0.09


def test_folds_are_even_in_size_and_in_every_class():
    y_true = np.repeat([0, 1, 2], [53, 30, 4])
    parts = fold_numbers(y_true, 5)
    counts = np.array([np.bincount(parts[y_true == label], minlength=5) for label in range(3)])
    assert (np.ptp(counts, axis=1) <= 1).all()
    assert np.ptp(np.bincount(parts)) <= 1
    assert (parts == fold_numbers(y_true, 5)).all()
    for folds in (1, 88):
        with pytest.raises(DataError, match="cannot be parted"):
            fold_numbers(y_true, folds)


# -- number of members ------------------------------------------------------------------------


def test_member_curve_by_hand():
    y_true, y_probs = members([0.5, 1, 1.5])
    order = best_first(y_true, y_probs)
    assert order.tolist() == [2, 1, 0]
    curve = member_curve(y_true, y_probs, order)
    assert curve["members"].tolist() == [1, 2, 3]
    assert curve["subsets"].tolist() == [3, 3, 1]
    for row in curve.itertuples():
        subsets = combinations(range(3), row.members)
        values = [accuracy(y_true, y_probs[list(s)].mean(axis=0)) for s in subsets]
        expected = [np.mean(values), min(values), max(values)]
        assert [row.mean, row.low, row.high] == pytest.approx(expected)
        first = y_probs[order[: row.members]].mean(axis=0)
        assert row.best_first == pytest.approx(accuracy(y_true, first))
    assert member_curve(y_true, y_probs)["best_first"].isna().all()


def test_member_curve_draws_subsets_where_there_are_too_many():
    y_true, y_probs = members([0.5] * 8, n=60)
    curve = member_curve(y_true, y_probs, limit=20)
    assert curve["subsets"].tolist() == [8, 20, 20, 20, 20, 20, 8, 1]
    assert curve.equals(member_curve(y_true, y_probs, limit=20))
    assert not curve.equals(member_curve(y_true, y_probs, limit=20, seed=1))
    whole = member_curve(y_true, y_probs)
    assert whole["subsets"].max() == 70
    assert (curve["low"] >= whole["low"] - 1e-12).all()
    assert (curve["high"] <= whole["high"] + 1e-12).all()


def test_best_first_breaks_ties_by_log_loss():
    y_true, y_probs = members([1, 1, 3], n=50)
    y_probs[1] = y_probs[0] ** 1.0001  # same predictions, other confidences
    y_probs[1] /= y_probs[1].sum(axis=1, keepdims=True)
    losses = [log_loss(y_true, y_prob) for y_prob in y_probs]
    assert best_first(y_true, y_probs).tolist() == [2, *np.argsort(losses[:2])]
    assert best_first(y_true, y_probs[[1, 0]]).tolist() == [*np.argsort(losses[:2][::-1])]
