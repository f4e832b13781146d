"""Votes: what becomes of an image, how far annotators agree, what a prediction costs."""

from itertools import combinations

import numpy as np
import pytest

from fer_utils import annotators
from fer_utils.annotators import OUTCOMES, Estimate, mean_estimate
from fer_utils.datasets.ferplus import EXPRESSIONS, majority
from fer_utils.errors import DataError
from fer_utils.labels import FER2013_CLASSES, FERPLUS_VOTES


def votes_of(*rows: dict[str, int]) -> np.ndarray:
    """Return (N, 10) uint8 votes from rows such as {"fear": 6, "NF": 4}."""
    return np.array([[row.get(name, 0) for name in FERPLUS_VOTES] for row in rows], np.uint8)


def random_votes(n: int = 40, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.multinomial(10, generator.dirichlet(np.full(10, 0.4), n)).astype(np.uint8)


def test_outcomes_say_why_an_image_is_dropped():
    votes = votes_of(
        {"contempt": 6, "neutral": 4},
        {"fear": 5, "sadness": 5},
        {"unknown": 7, "fear": 3},
        {"NF": 10},
        {"unknown": 5, "NF": 5},
        {"anger": 2, "fear": 1, "sadness": 1, "NF": 1, "disgust": 1},  # only anger counts
        {},
    )
    names = [OUTCOMES[k] for k in annotators.outcomes(votes)]
    assert names == [
        "contempt", "no majority", "unknown", "not a face", "no majority", "anger", "no majority",
    ]  # fmt: skip


def test_outcomes_keep_what_the_protocol_keeps():
    votes = random_votes(500)
    found, label = annotators.outcomes(votes), majority(votes)
    np.testing.assert_array_equal(found < 8, label >= 0)
    np.testing.assert_array_equal(found[found < 8], label[label >= 0])


def test_labels_become_the_same_emotions():
    same = [EXPRESSIONS[k] for k in annotators.as_expressions(np.arange(7))]
    assert same == ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
    assert FER2013_CLASSES[0] == "angry"


def test_label_outcomes_count_every_image_once():
    votes = votes_of({"fear": 10}, {"fear": 9, "NF": 1}, {"NF": 10}, {"neutral": 10})
    counts = annotators.label_outcomes(np.array([6, 0, 6, 6]), votes, 8)
    assert counts.sum() == 4
    assert counts[6, EXPRESSIONS.index("fear")] == 1
    assert counts[0, EXPRESSIONS.index("fear")] == 1
    assert counts[6, OUTCOMES.index("not a face")] == 1
    with pytest.raises(DataError, match="3 labels and 4 rows"):
        annotators.label_outcomes(np.zeros(3, int), votes, 8)


def test_vote_entropy_in_bits():
    votes = votes_of({"fear": 10}, {"fear": 5, "NF": 5}, dict.fromkeys(FERPLUS_VOTES, 1), {})
    expected = [0, 1, np.log2(10), 0]
    np.testing.assert_allclose(annotators.vote_entropy(votes), expected, atol=1e-12)


def test_cross_entropy_is_least_at_the_votes_and_finite():
    shares = np.array([[0.5, 0.5, 0], [1, 0, 0]])
    lowest = annotators.cross_entropy(shares, shares)
    np.testing.assert_allclose(lowest, [np.log(2), 0])
    other = annotators.cross_entropy(shares, np.array([[0.6, 0.2, 0.2], [0, 1, 0]]))
    assert (other > lowest).all()
    assert np.isfinite(other).all()
    with pytest.raises(DataError, match="shape"):
        annotators.cross_entropy(shares, shares[:, :2])


def test_mean_estimate_is_a_ratio_of_sums():
    found = mean_estimate(np.array([0.5, 0, 2]), np.array([0.5, 0, 3.5]), samples=200)
    assert (found.value, found.images) == (pytest.approx(2.5 / 4), 2)
    assert found.ci_low <= found.value <= found.ci_high
    assert mean_estimate(np.ones(9), samples=50) == Estimate(1, 1, 1, 9)
    nothing = mean_estimate(np.zeros(3), np.zeros(3))
    assert nothing.images == 0
    assert np.isnan(nothing.value)


def test_nobody_is_judged_by_his_own_vote():
    # Six against four is a majority of ten. Of the other nine: 5 to 4 for each of the six, and
    # 6 to 3 for each of the four.
    hits, chances = annotators.one_against_rest(votes_of({"fear": 6, "neutral": 4}))
    assert (hits[0], chances[0]) == (pytest.approx(0.6), 1)
    # Five to five: each sees the other side ahead, and misses; with his vote there is no majority.
    hits, chances = annotators.one_against_rest(votes_of({"fear": 5, "neutral": 5}))
    assert (hits[0], chances[0]) == (0, 1)
    # The majority hangs on one vote: without it, 4 to 4, there is nothing to hit.
    hits, chances = annotators.one_against_rest(votes_of({"fear": 5, "neutral": 4}))
    assert hits[0] == 0
    assert chances[0] == pytest.approx(4 / 9)


def test_who_names_no_expression_is_wrong_or_passed_over():
    votes = votes_of({"fear": 8, "unknown": 2}, {"NF": 10}, {})
    hits, chances = annotators.one_against_rest(votes)
    np.testing.assert_allclose([hits, chances], [[0.8, 0, 0], [1, 0, 0]])
    hits, chances = annotators.one_against_rest(votes, only_expressions=True)
    np.testing.assert_allclose([hits, chances], [[0.8, 0, 0], [0.8, 0, 0]])


def test_one_against_rest_equals_taking_each_in_turn():
    votes = random_votes()
    hits, chances = annotators.one_against_rest(votes)
    for row, hit, chance in zip(votes, hits, chances, strict=True):
        people = np.repeat(np.arange(10), row)
        others = np.array([np.bincount(np.delete(people, k), minlength=10) for k in range(10)])
        winner = majority(others)
        assert hit == pytest.approx((winner == people).mean())
        assert chance == pytest.approx((winner >= 0).mean())


def test_halves_equal_all_ways_to_part_ten():
    votes = random_votes(12)
    hits, chances = annotators.half_against_half(votes)
    for row, hit, chance in zip(votes, hits, chances, strict=True):
        people, pairs = np.repeat(np.arange(10), row), []
        for half in combinations(range(10), 5):
            one = np.bincount(people[list(half)], minlength=10)
            pairs.append(majority(np.stack([one, row - one])))
        pairs = np.array(pairs)
        both = (pairs >= 0).all(axis=1)
        assert chance == pytest.approx(both.mean())
        assert hit == pytest.approx((both & (pairs[:, 0] == pairs[:, 1])).mean())


def test_halves_need_ten_votes():
    votes = votes_of({"fear": 9}, {"fear": 10}, {"fear": 10})
    np.testing.assert_allclose(annotators.half_against_half(votes), [[0, 1, 1], [0, 1, 1]])
    np.testing.assert_allclose(annotators.half_against_half(votes[:1]), [[0], [0]])


def test_readers_agree_fully_where_all_do():
    found = annotators.readers(np.repeat(votes_of({"fear": 10}), 5, axis=0), samples=20)
    assert {part.value for part in found.values()} == {1.0}


def test_largest_cells_leave_out_agreement_and_nothing():
    counts = np.array([[9, 2, 0], [5, 8, 0]])
    same = np.eye(2, 3, dtype=bool)
    assert annotators.largest_cells(counts, same, 4) == [(1, 0), (0, 1)]
    assert annotators.largest_cells(counts, same, 1) == [(1, 0)]


def test_votes_of_another_form_are_refused():
    with pytest.raises(DataError, match=r"\(3, 8\)"):
        annotators.vote_entropy(np.zeros((3, 8)))
