"""Mistakes are found, ranked and counted as by hand, with FER+'s votes as witnesses."""

import numpy as np
import pytest
from scipy.stats import norm

from fer_utils.datasets.ferplus import majority
from fer_utils.error_analysis import (
    FER2013_LABELS,
    accuracy_by_agreement,
    accuracy_by_label,
    ferplus_majority,
    label_noise_share,
    most_ambiguous,
    most_confident_mistakes,
    top_share,
)
from fer_utils.errors import DataError
from fer_utils.labels import FER2013_CLASSES, FERPLUS_VOTES

ANGRY, HAPPY, SAD, NEUTRAL = (
    FER2013_CLASSES.index(n) for n in ("angry", "happy", "sad", "neutral")
)


def votes_of(*rows: dict[str, int]) -> np.ndarray:
    return np.array([[row.get(name, 0) for name in FERPLUS_VOTES] for row in rows], np.uint8)


def wilson(part: int, whole: int) -> tuple[float, float]:
    z, p = norm.ppf(0.975), part / whole
    center, half = p + z**2 / (2 * whole), z * np.sqrt(p * (1 - p) / whole + z**2 / (4 * whole**2))
    return (center - half) / (1 + z**2 / whole), (center + half) / (1 + z**2 / whole)


def random_case(n: int = 300):
    generator = np.random.default_rng(0)
    votes = generator.multinomial(10, generator.dirichlet(np.full(10, 0.2), n)).astype(np.uint8)
    return generator.integers(0, 7, n), generator.integers(0, 7, n), votes


# -- ranking ----------------------------------------------------------------------------------


def test_most_confident_mistakes_are_wrong_and_sorted():
    y_prob = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.4, 0.6], [0.99, 0.01]])
    y_true = np.array([1, 1, 0, 1, 0])
    assert most_confident_mistakes(y_true, y_prob, 2).tolist() == [0, 2]
    assert most_confident_mistakes(y_true, y_prob, 9).tolist() == [0, 2, 1]
    assert most_confident_mistakes(y_prob.argmax(axis=1), y_prob, 9).tolist() == []


def test_most_ambiguous_looks_at_three_classes():
    y_prob = np.array(
        [
            [0.50, 0.50, 0.00, 0.00],  # two alike, the third far
            [0.29, 0.28, 0.26, 0.17],
            [0.90, 0.05, 0.03, 0.02],
            [0.17, 0.27, 0.28, 0.28],
        ]
    )
    assert most_ambiguous(y_prob, 3).tolist() == [3, 1, 0]


# -- FER+'s names -----------------------------------------------------------------------------


def test_every_emotion_of_ferplus_is_fer2013_s_of_that_name():
    found = {
        name: FER2013_CLASSES[label] if label >= 0 else None
        for name, label in zip(FERPLUS_VOTES, FER2013_LABELS, strict=True)
    }
    assert found == {
        "neutral": "neutral",
        "happiness": "happy",
        "surprise": "surprise",
        "sadness": "sad",
        "anger": "angry",
        "disgust": "disgust",
        "fear": "fear",
        "contempt": None,
        "unknown": None,
        "NF": None,
    }


def test_ferplus_majority_in_fer2013_s_labels():
    votes = votes_of(
        {"sadness": 8, "neutral": 2},
        {"contempt": 9, "anger": 1},
        {"sadness": 5, "neutral": 5},
        {"NF": 10},
    )
    labels, found = ferplus_majority(votes)
    assert labels.tolist() == [SAD, -1, -1, -1]
    assert found.tolist() == [True, True, False, False]


# -- agreement --------------------------------------------------------------------------------


def test_top_share_counts_all_ten_columns_and_survives_no_votes():
    votes = votes_of(
        {"anger": 6, "unknown": 4}, {"unknown": 9, "anger": 1}, {"fear": 5, "NF": 4}, {}
    )
    assert top_share(votes) == pytest.approx([0.6, 0.9, 5 / 9, 0])


def test_accuracy_by_agreement_by_hand():
    votes = votes_of(
        {"anger": 4, "sadness": 3, "fear": 3},
        {"anger": 6, "sadness": 4},
        {"anger": 7, "sadness": 3},
        {"anger": 7, "sadness": 3},
        {"anger": 10},
        {"anger": 10},
    )
    y_true = np.array([ANGRY, SAD, ANGRY, SAD, ANGRY, ANGRY])
    y_pred = np.array([SAD, SAD, ANGRY, ANGRY, ANGRY, ANGRY])
    table = accuracy_by_agreement(y_true, y_pred, votes, starts=(0, 0.5, 0.7, 0.8, 1))
    assert table["group"].tolist() == [
        "below 50 %", "50 to 69 %", "70 to 79 %", "80 to 99 %", "100 %",
    ]  # fmt: skip
    assert table["images"].tolist() == [1, 1, 2, 0, 2]
    nan = np.nan
    assert table["accuracy"].to_numpy() == pytest.approx([0, 1, 0.5, nan, 1], nan_ok=True)
    assert table["label_is_top"].to_numpy() == pytest.approx([1, 0, 0.5, nan, 1], nan_ok=True)
    assert table.loc[2, ["ci_low", "ci_high"]].tolist() == pytest.approx(wilson(1, 2))
    assert table.loc[3, ["ci_low", "ci_high"]].isna().all()


@pytest.mark.parametrize("tenths", range(1, 11))
def test_a_share_on_a_bins_start_belongs_to_that_bin(tenths):
    rest = [name for name in FERPLUS_VOTES if name != "fear"]
    others = dict.fromkeys(rest[: 10 - tenths], 1)
    starts = 0.1 * np.arange(11)  # 0.1 * 3 is a hair more than 0.3
    label = np.array([FER2013_CLASSES.index("fear")])
    table = accuracy_by_agreement(label, label, votes_of({"fear": tenths} | others), starts)
    assert table["images"].tolist() == [int(place == tenths) for place in range(11)]


def test_agreement_bins_hold_every_image_once():
    y_true, y_pred, votes = random_case()
    table = accuracy_by_agreement(y_true, y_pred, votes)
    assert table["images"].sum() == 300
    mean = np.nansum(table["accuracy"] * table["images"]) / 300
    assert mean == pytest.approx((y_true == y_pred).mean())
    inside = table.dropna()
    assert (inside["ci_low"] <= inside["accuracy"] + 1e-12).all()
    assert (inside["accuracy"] <= inside["ci_high"] + 1e-12).all()


def test_a_tie_at_the_top_supports_either_label():
    votes = votes_of(*[{"anger": 5, "sadness": 5}] * 3)
    table = accuracy_by_agreement(np.array([ANGRY, SAD, HAPPY]), np.array([ANGRY] * 3), votes)
    assert table.loc[1, "label_is_top"] == pytest.approx(2 / 3)


# -- whom the annotators side with ------------------------------------------------------------

CASE_VOTES = votes_of(
    {"happiness": 9, "neutral": 1},  # the label
    {"happiness": 9, "neutral": 1},  # the label, and the model is right
    {"neutral": 10},  # the model
    {"contempt": 8, "neutral": 2},  # neither
    {"sadness": 8, "neutral": 2},  # neither
    {"sadness": 5, "neutral": 5},  # no majority
)
CASE_TRUE = np.full(6, HAPPY)
CASE_PRED = np.array([NEUTRAL, HAPPY, NEUTRAL, NEUTRAL, NEUTRAL, NEUTRAL])


def test_label_noise_share_by_hand():
    table = label_noise_share(CASE_TRUE, CASE_PRED, CASE_VOTES).set_index("group")
    assert table["images"].to_dict() == {
        "with the label": 1, "with the model": 1, "with neither": 2, "no majority": 1,
    }  # fmt: skip
    assert table["share"].sum() == pytest.approx(1)
    assert table.loc["with neither", "share"] == pytest.approx(2 / 5)
    found = table.loc["with neither", ["ci_low", "ci_high"]].tolist()
    assert found == pytest.approx(wilson(2, 5))
    nothing = label_noise_share(CASE_TRUE, CASE_TRUE, CASE_VOTES)
    assert nothing["images"].tolist() == [0, 0, 0, 0]
    assert nothing["share"].isna().all()


def test_accuracy_by_label_by_hand():
    table = accuracy_by_label(CASE_TRUE, CASE_PRED, CASE_VOTES).set_index("group")
    assert table["images"].tolist() == [2, 3, 1]
    assert table["accuracy"].tolist() == [0.5, 0, 0]
    assert table.loc["label is the majority", ["ci_low", "ci_high"]].tolist() == pytest.approx(
        wilson(1, 2)
    )


def test_groups_are_those_of_the_authors_majority():
    y_true, y_pred, votes = random_case()
    table = accuracy_by_label(y_true, y_pred, votes).set_index("group")
    assert table["images"].sum() == 300
    assert table.loc["no majority", "images"] == (majority(votes) < 0).sum()
    assert label_noise_share(y_true, y_pred, votes)["images"].sum() == (y_true != y_pred).sum()


def test_misfitting_arrays_are_named():
    for function in (accuracy_by_agreement, accuracy_by_label, label_noise_share):
        with pytest.raises(DataError, match=r"votes \(6, 7\): give one label"):
            function(CASE_TRUE, CASE_PRED, CASE_VOTES[:, :7])
        with pytest.raises(DataError, match=r"predictions \(5,\)"):
            function(CASE_TRUE, CASE_PRED[:5], CASE_VOTES)
