"""Tests and overlaps are those of scipy and of counting by hand."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics

from fer_utils.comparison import (
    McNemar,
    disagreement,
    error_overlap,
    holm,
    mcnemar,
    mcnemar_table,
    oracle_accuracy,
    paired_difference,
    paired_gains,
    wrong_if_independent,
    wrong_members,
)
from fer_utils.errors import DataError

TRUE = np.array([0, 1, 2, 0, 1, 2])
PREDS = np.array(
    [
        [0, 1, 2, 0, 1, 2],  # all right
        [0, 1, 2, 1, 2, 0],  # three wrong
        [0, 1, 1, 1, 0, 2],  # three wrong, two of them with the one above, one in the same way
    ]
)


def noisy(y_true, rate, seed):
    generator = np.random.default_rng(seed)
    wrong = generator.random(len(y_true)) < rate
    return np.where(wrong, (y_true + generator.integers(1, 7, len(y_true))) % 7, y_true)


# -- tests of a pair --------------------------------------------------------------------------


def test_mcnemar_counts_and_p_value():
    y_true = np.zeros(30, int)
    a, b = np.ones(30, int), np.ones(30, int)
    a[:12], b[9:14] = 0, 0  # a alone: 9; both: 3; b alone: 2
    assert mcnemar(y_true, a, b) == McNemar(9, 2, binomtest(9, 11).pvalue)
    assert mcnemar(y_true, a, b).p_value == pytest.approx(2 * (1 + 11 + 55) / 2**11)
    assert mcnemar(y_true, b, a) == McNemar(2, 9, binomtest(2, 11).pvalue)
    assert mcnemar(y_true, a, a) == McNemar(0, 0, 1.0)


def test_mcnemar_rejects_predictions_of_other_images():
    with pytest.raises(DataError, match="for 6 labels"):
        mcnemar(TRUE, PREDS[0], PREDS[1][:5])


def test_holm_by_hand():
    # 0.01 * 4, then 0.02 * 3, then the larger of 0.03 * 2 and what came before, and so on
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.7]).tolist() == [1, 1]
    assert holm([0.2]).tolist() == [0.2]
    assert holm([]).tolist() == []


def test_mcnemar_table_has_every_pair_once():
    y_true = np.random.default_rng(0).integers(0, 7, 500)
    rates = {"good": 0.1, "same": 0.1, "bad": 0.5}
    y_preds = {name: noisy(y_true, rate, i) for i, (name, rate) in enumerate(rates.items())}
    table = mcnemar_table(y_true, {name: np.eye(7)[pred] for name, pred in y_preds.items()})
    assert table[["a", "b"]].to_numpy().tolist() == [
        ["good", "same"], ["good", "bad"], ["same", "bad"],
    ]  # fmt: skip
    for row in table.itertuples():
        test = mcnemar(y_true, y_preds[row.a], y_preds[row.b])
        assert (row.only_a, row.only_b, row.p_value) == (test.only_a, test.only_b, test.p_value)
        right_a, right_b = y_preds[row.a] == y_true, y_preds[row.b] == y_true
        assert row.difference == pytest.approx(right_a.mean() - right_b.mean())
    assert table["p_holm"].to_numpy() == pytest.approx(holm(table["p_value"]))
    assert table["p_holm"][0] > 0.05
    assert (table["p_holm"][1:] < 1e-6).all()


def test_mcnemar_table_of_one_model_is_empty():
    table = mcnemar_table(TRUE, {"only": np.eye(3)[TRUE]})
    assert len(table) == 0
    assert table.columns[-1] == "p_holm"


def test_paired_difference_has_the_paired_standard_error():
    y_true = np.zeros(1000, int)
    a, b = np.zeros(1000, int), np.zeros(1000, int)
    a[:40], b[20:120] = 1, 1  # wrong: a 40, b 100; a alone right: 80, b alone: 20
    found = paired_difference(y_true, a, b)
    assert found.difference == pytest.approx(0.06)
    half = 1.96 * np.sqrt((0.1 - 0.06**2) / 1000)
    assert [found.ci_low, found.ci_high] == pytest.approx([0.06 - half, 0.06 + half], abs=0.002)
    swapped = paired_difference(y_true, b, a)
    assert swapped.difference == pytest.approx(-0.06)
    assert swapped.ci_low == pytest.approx(-found.ci_high)
    nothing = paired_difference(y_true, a, a)
    assert (nothing.difference, nothing.ci_low, nothing.ci_high) == (0, 0, 0)


def sure(y_true, rate, seed):
    """Return labels and probabilities of a model without doubts, wrong at this rate."""
    return y_true, np.eye(7)[noisy(y_true, rate, seed)]


def test_paired_gains_are_differences_of_the_means_over_runs():
    y_true = np.repeat(np.arange(7), [200, 80, 40, 30, 20, 20, 10])
    ours, theirs = [sure(y_true, 0.3, 0), sure(y_true, 0.2, 1)], [sure(y_true, 0.5, 2)]
    table = paired_gains(ours, theirs, 500)
    measures = {
        "accuracy": metrics.accuracy_score,
        "macro-F1": lambda true, pred: metrics.f1_score(true, pred, average="macro"),
        "balanced accuracy": metrics.balanced_accuracy_score,
    }
    assert table["metric"].tolist() == list(measures)
    for row, measure in zip(table.itertuples(), measures.values(), strict=True):
        a, b = (np.mean([measure(y_true, p.argmax(1)) for _, p in runs]) for runs in (ours, theirs))
        assert row.gain == pytest.approx(a - b, abs=1e-6)
        assert row.ci_low < row.gain < row.ci_high


def test_paired_gains_in_accuracy_are_the_paired_difference():
    y_true = np.arange(300) % 7
    a, b = sure(y_true, 0.4, 0), sure(y_true, 0.2, 1)
    row = paired_gains([a], [b], 500).iloc[0]
    single = paired_difference(y_true, a[1].argmax(1), b[1].argmax(1), 500)
    assert row["gain"] == pytest.approx(single.difference, abs=1e-6)
    assert row["ci_low"] == pytest.approx(single.ci_low, abs=1e-6)
    assert row["ci_high"] == pytest.approx(single.ci_high, abs=1e-6)


def test_paired_intervals_over_people():
    """A person's images are all gained or all lost: only as many people as there are tell."""
    generator = np.random.default_rng(0)
    people = np.repeat(np.arange(80), 9)
    y_true = np.arange(720) % 7
    a, b = (
        np.where((generator.random(80) < rate)[people], y_true, (y_true + 1) % 7)
        for rate in (0.8, 0.6)
    )
    plain, wide = (paired_difference(y_true, a, b, groups=g) for g in (None, people))
    assert wide.difference == plain.difference
    gain = ((a == y_true) * 1.0 - (b == y_true))[::9]  # one image per person
    half = 1.96 * gain.std() / np.sqrt(80)
    expected = [gain.mean() - half, gain.mean() + half]
    assert [wide.ci_low, wide.ci_high] == pytest.approx(expected, abs=0.02)
    ratio = (wide.ci_high - wide.ci_low) / (plain.ci_high - plain.ci_low)
    assert ratio == pytest.approx(3, rel=0.1)
    ours, theirs = [(y_true, np.eye(7)[a])], [(y_true, np.eye(7)[b])]
    table = paired_gains(ours, theirs, groups=people).set_index("metric")
    assert table.loc["accuracy"].tolist() == [wide.difference, wide.ci_low, wide.ci_high]
    narrow = paired_gains(ours, theirs).set_index("metric")
    spread = table["ci_high"] - table["ci_low"]
    assert (spread > 2 * (narrow["ci_high"] - narrow["ci_low"])).all()
    each = generator.permutation(720)  # everybody has one image
    assert paired_gains(ours, theirs, 100, each).equals(paired_gains(ours, theirs, 100))
    with pytest.raises(DataError, match="80 groups for 720 images"):
        paired_gains(ours, theirs, 100, people[::9])


def test_a_gain_for_people_of_many_images_is_a_share_of_the_images_drawn():
    """Both right or both wrong but for one person of many images: the ratio stays below one."""
    people = np.r_[np.zeros(50, int), np.arange(1, 51)]
    y_true = np.zeros(100, int)
    a, b = y_true, np.where(people == 0, 1, 0)
    found = paired_difference(y_true, a, b, groups=people)
    assert found.difference == 0.5
    assert found.ci_low == 0
    assert 0.6 < found.ci_high < 0.85  # of 50 k / (50 k + about 50), k up to four


def test_paired_gains_are_what_they_were():
    """Of images that are drawn one by one, from the weighted sums of the gains."""
    y_true = np.arange(300) % 7
    a, b = (noisy(y_true, rate, seed) for rate, seed in ((0.4, 0), (0.2, 1)))
    draws = np.random.default_rng(0).multinomial(300, np.full(300, 1 / 300), size=400)
    gains = draws @ ((a == y_true) * 1.0 - (b == y_true)) / 300
    found = paired_difference(y_true, a, b, 400)
    expected = np.percentile(gains, [2.5, 97.5])
    assert [found.ci_low, found.ci_high] == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("labels", [np.array([0, 1, 2, 0, 1, 1]), TRUE[:5]])
def test_paired_gains_refuses_runs_on_other_images(labels):
    with pytest.raises(DataError, match="different images"):
        paired_gains([(TRUE, np.eye(3)[TRUE])], [(labels, np.eye(3)[labels])])


# -- shared errors ----------------------------------------------------------------------------


def test_disagreement_by_hand():
    expected = np.array([[0, 3, 3], [3, 0, 3], [3, 3, 0]]) / 6
    assert disagreement(PREDS) == pytest.approx(expected)


def test_error_overlap_by_hand():
    nan = np.nan
    expected = [[nan, nan, nan], [0, 1, 2 / 3], [0, 2 / 3, 1]]
    assert error_overlap(TRUE, PREDS) == pytest.approx(np.array(expected), nan_ok=True)
    expected = [[nan, nan, nan], [0, 1, 1 / 3], [0, 1 / 3, 1]]
    found = error_overlap(TRUE, PREDS, same_class=True)
    assert found == pytest.approx(np.array(expected), nan_ok=True)


def test_error_overlap_rows_are_conditions():
    y_true = np.zeros(100, int)
    y_preds = np.zeros((2, 100), int)
    y_preds[0, :10], y_preds[1, :40] = 1, 1  # the first one's errors are all the second one's
    assert error_overlap(y_true, y_preds) == pytest.approx(np.array([[1, 1], [0.25, 1]]))


def test_independent_errors_overlap_by_the_error_rate():
    y_true = np.random.default_rng(9).integers(0, 7, 20_000)
    y_preds = np.array([noisy(y_true, 0.3, 1), noisy(y_true, 0.2, 2)])
    assert error_overlap(y_true, y_preds)[0, 1] == pytest.approx(0.2, abs=0.02)
    found = wrong_members(y_true, y_preds)
    assert found == pytest.approx(wrong_if_independent(y_true, y_preds), rel=0.03)


def test_wrong_members_and_the_oracle():
    assert wrong_members(TRUE, PREDS).tolist() == [2, 2, 2, 0]
    assert wrong_members(TRUE, PREDS[1:]).tolist() == [2, 2, 2]
    assert oracle_accuracy(TRUE, PREDS) == 1
    assert oracle_accuracy(TRUE, PREDS[1:]) == pytest.approx(4 / 6)
    assert oracle_accuracy(TRUE, PREDS[1:2]) == pytest.approx(3 / 6)


def test_wrong_if_independent_by_hand():
    found = wrong_if_independent(TRUE, PREDS)  # error rates 0, 1/2, 1/2
    assert found == pytest.approx(np.array([1.5, 3, 1.5, 0]))


def test_predictions_must_be_of_the_labels_images():
    for function in (error_overlap, oracle_accuracy, wrong_members):
        with pytest.raises(DataError, match="same images in the same order"):
            function(TRUE, PREDS[:, :4])
        with pytest.raises(DataError, match="for 0 labels"):
            function(TRUE[:0], PREDS[:, :0])
