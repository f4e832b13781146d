"""Copies, near copies, constant images and non-faces, planted and on the real data."""

import time

import numpy as np
import pytest

from fer_utils.datasets import audit
from fer_utils.datasets.base import FaceDataset
from fer_utils.errors import ConfigError, DataError
from fer_utils.labels import FERPLUS_VOTES


def make(images, labels, split, votes=None):
    return FaceDataset(
        name="planted",
        source="a test",
        source_hash="0" * 64,
        data_key="planted",
        images=np.asarray(images, np.uint8),
        labels=np.asarray(labels, np.int64),
        split=np.asarray(split, np.uint8),
        class_names=("angry", "happy", "sad"),
        votes=votes,
    )


@pytest.fixture
def planted():
    """Train 0-3, valid 4-6, test 7-10: 4 different images A B C D, one constant K, near copies."""
    rng = np.random.default_rng(0)
    a, b, c, d = rng.integers(20, 180, (4, 8, 8))
    k = np.full((8, 8), 128)
    near_b = np.clip(b * 1.2 + 10 + rng.normal(0, 1, b.shape), 0, 255)  # re-lit and noisy
    images = [a, b, a, k, a, c, k, a, near_b, c, d]
    labels = [0, 1, 0, 2, 1, 2, 2, 0, 1, 2, 0]
    votes = np.zeros((len(images), len(FERPLUS_VOTES)), np.uint8)
    votes[:, 0] = 10
    votes[3] = votes[6] = 0
    votes[[3, 6], FERPLUS_VOTES.index("NF")] = 10
    votes[9, [0, -1]] = 4, 6  # a majority, not all
    return make(images, labels, [0] * 4 + [1] * 3 + [2] * 4, votes)


def test_exact_duplicates(planted):
    found = audit.exact_duplicates(planted)
    assert found.group.tolist() == [0, 1, 0, 2, 0, 3, 2, 0, 4, 3, 5]
    assert found.different_images == 6
    assert found.repeated_groups == 3  # A, C and K
    assert found.conflicting_groups == 1  # A is angry and happy
    assert found.copies.tolist() == [
        [2, 3, 2],  # train: both A have each other; A, A, K are in valid; A, A are in test
        [2, 0, 2],  # valid: A, K in train; A, C in test
        [1, 2, 0],  # test: A in train; A, C in valid
    ]


def test_occurs_in_train_follows_the_split_order(planted):
    assert audit.occurs_in_train(planted, "valid").tolist() == [True, False, True]
    assert audit.occurs_in_train(planted, "test").tolist() == [True, False, False, False]
    shuffled = planted.take(np.arange(len(planted))[::-1])
    assert audit.occurs_in_train(shuffled, "test").tolist() == [False, False, False, True]
    with pytest.raises(ConfigError, match="public"):
        audit.occurs_in_train(planted, "public")


def test_a_single_pixel_makes_an_image_different():
    images = np.full((2, 4, 4), 9)
    images[1, 3, 3] = 10
    dataset = make(images, [0, 0], [0, 2])
    assert not audit.occurs_in_train(dataset, "test").any()
    assert audit.exact_duplicates(dataset).different_images == 2


def test_near_duplicates(planted, monkeypatch):
    monkeypatch.setattr(audit, "_CHUNK", 3)  # more than one chunk, the last one not full
    found = audit.near_duplicates(planted, "test")
    assert found.positions.tolist() == [7, 8, 9, 10]
    assert found.is_near.tolist() == [True, True, False, False]
    assert found.match[:2].tolist() == [0, 1]
    expected = np.corrcoef(planted.images[8].ravel(), planted.images[1].ravel())[0, 1]
    assert found.correlation[1] == pytest.approx(expected, abs=1e-5)
    assert found.correlation[0] == pytest.approx(1, abs=1e-5)


def test_near_duplicates_of_a_constant_image_are_none(planted):
    found = audit.near_duplicates(planted, "valid")
    assert found.match[2] == -1
    assert found.correlation[2] == 0
    assert not found.is_near[2]
    assert np.isfinite(found.correlation).all()


def test_near_duplicates_threshold_is_exclusive_and_used(planted):
    middle = float(audit.near_duplicates(planted, "test").correlation[1])
    assert not audit.near_duplicates(planted, "test", threshold=middle).is_near[1]
    assert audit.near_duplicates(planted, "test", threshold=middle - 1e-3).is_near[1]


def test_near_duplicates_needs_both_splits(planted):
    with pytest.raises(DataError, match="train"):
        audit.near_duplicates(planted.part("test"), "test")
    with pytest.raises(ConfigError, match="train"):
        audit.near_duplicates(planted, "train")


def test_constant_images_exact_and_up_to_noise(planted):
    assert np.flatnonzero(audit.constant_images(planted)).tolist() == [3, 6]
    images = np.full((3, 8, 8), 128)
    images[1, ::2] += 1  # standard deviation 0.5
    images[2, ::2] += 4  # 2
    noisy = make(images, [0, 0, 0], [0, 0, 0])
    assert audit.constant_images(noisy).tolist() == [True, True, False]
    assert audit.constant_images(noisy, max_std=0).tolist() == [True, False, False]


def test_non_faces(planted):
    assert np.flatnonzero(audit.non_faces(planted)).tolist() == [3, 6]
    assert np.flatnonzero(audit.non_faces(planted, "majority")).tolist() == [3, 6, 9]
    with pytest.raises(ConfigError, match="plurality"):
        audit.non_faces(planted, "plurality")
    with pytest.raises(DataError, match=r"fer2013new\.csv"):
        audit.non_faces(make(planted.images, planted.labels, planted.split))


def test_rows_without_votes_are_no_non_faces(planted):
    planted.votes[3] = 0
    assert not audit.non_faces(planted)[3]
    assert not audit.non_faces(planted, "majority")[3]


def test_class_counts_table(planted):
    table = audit.class_counts_table(planted)
    assert table.loc["angry"].tolist() == [2, 0, 2, 4]
    assert table.loc["all"].tolist() == [4, 3, 4, 11]
    assert list(table.columns) == ["train", "valid", "test", "all"]


def counts(table):
    assert not table.duplicated(["check", "split"]).any()
    return table.set_index(["check", "split"])["count"].to_dict()


def test_audit_table(planted):
    table = audit.audit_table(planted)
    assert list(table.columns) == ["check", "split", "count", "what it means"]
    assert table["what it means"].str.len().min() > 0
    found = counts(table)
    assert found["images", "test"] == 4
    assert found["different images", "all"] == 6
    assert found["groups of equal images", "all"] == 3
    assert found["groups with different labels", "all"] == 1
    assert found["exact copy in train", "valid"] == 2
    assert found["exact copy in train", "test"] == 1
    assert found["exact copy in valid", "test"] == 2
    assert found["correlation > 0.98 with train", "test"] == 2
    assert found["constant images", "train"] == 1
    assert found["non-faces", "valid"] == 1


def test_audit_table_leaves_out_what_it_cannot_know(planted):
    without = make(planted.images, planted.labels, planted.split)
    checks = set(audit.audit_table(without, near=False)["check"])
    assert "non-faces" not in checks
    assert not any("correlation" in check for check in checks)
    only_test = counts(audit.audit_table(planted.part("test")))
    assert only_test["images", "test"] == 4
    assert not any("copy" in check or "correlation" in check for check, _ in only_test)


@pytest.mark.real_data
def test_the_real_data(real_fer2013):
    start = time.process_time()
    leaked = audit.occurs_in_train(real_fer2013, "test")
    assert time.process_time() - start < 1
    assert leaked.shape == (3589,)
    assert leaked.sum() == 288

    found = counts(audit.audit_table(real_fer2013, near=False))
    assert found["different images", "all"] == 34_034
    assert found["groups of equal images", "all"] == 1_516
    assert found["groups with different labels", "all"] == 57
    assert found["exact copy in train", "test"] == 288
    assert found["exact copy in train", "valid"] == 280
    assert found["exact copy in valid", "test"] == 44
    splits = ("train", "valid", "test")
    assert [found["constant images", split] for split in splits] == [12, 1, 0]
    # The twelve of one value are all black; the thirteenth has four gray levels, 127 to 130.
    assert audit.constant_images(real_fer2013, max_std=0).sum() == 12
    # 173 of these rows have an empty file name in fer2013new.csv; three more have ten NF votes.
    assert [found["non-faces", split] for split in splits] == [150, 10, 16]
    assert audit.non_faces(real_fer2013, "majority").sum() == 176


@pytest.mark.real_data
def test_near_duplicates_of_the_real_data(real_fer2013):
    found = audit.near_duplicates(real_fer2013, "test")  # valid, 300, costs as much again
    assert found.is_near.sum() == 328
    exact = audit.occurs_in_train(real_fer2013, "test")
    flat = audit.constant_images(real_fer2013, max_std=0)[found.positions]
    assert found.is_near[exact & ~flat].all()
    assert (real_fer2013.split[found.match[~flat]] == 0).all()
