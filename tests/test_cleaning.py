"""Cleaning removes train images at fault, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from fer_utils.cleaning import CLEANINGS, clean, removed_copies
from fer_utils.errors import ConfigError, DataError
from fer_utils.labels import FERPLUS_VOTES
from tests.helpers import toy_faces

NF = FERPLUS_VOTES.index("NF")


@pytest.fixture
def faces():
    """70 train images (0 to 69), 28 valid (70 to 97), 28 test (98 to 125), with votes."""
    whole = toy_faces()
    votes = np.zeros((len(whole), 10), np.uint8)
    votes[:, 0] = 10
    return replace(whole, images=whole.images.copy(), labels=whole.labels.copy(), votes=votes)


def copy(faces, source: int, *targets: int) -> None:
    faces.images[list(targets)] = faces.images[source]


def stranger(faces, position: int, votes: int = 10) -> None:
    faces.votes[position] = 0
    faces.votes[position, [0, NF]] = 10 - votes, votes


@pytest.mark.parametrize("how", CLEANINGS)
def test_faultless_data_stays_as_it_is(faces, how):
    cleaned, report = clean(faces, how)
    np.testing.assert_array_equal(cleaned.ids, faces.ids)
    assert not len(report.removed)
    assert not report.table()[["train", "valid", "test"]].to_numpy().any()


def test_non_faces_leave_train_alone(faces):
    for position in (3, 60, 75, 100):
        stranger(faces, position)
    stranger(faces, 5, votes=9)  # one annotator saw a face
    cleaned, report = clean(faces, "non_faces")
    assert sorted(set(faces.ids) - set(cleaned.ids)) == [3, 60]
    assert report.removed.tolist() == [3, 60]
    assert report.positions("non_face", "valid").tolist() == [75]
    assert report.table().iloc[0, 1:].tolist() == [2, 1, 1]
    np.testing.assert_array_equal(cleaned.votes[3], faces.votes[4])


def test_without_votes_non_faces_are_unknown(faces):
    bare = replace(faces, votes=None)
    for how in ("non_faces", "both"):
        with pytest.raises(DataError, match="has none; put fer2013new"):
            clean(bare, how)
    assert len(clean(bare, "duplicates")[0]) == len(faces)


def test_copies_within_train_keep_the_first(faces):
    copy(faces, 7, 14, 28)  # the same class: labels count modulo seven
    cleaned, report = clean(faces, "duplicates")
    assert report.removed.tolist() == [14, 28]
    assert report.positions("repeated").tolist() == [14, 28]
    assert len(cleaned) == len(faces) - 2


def test_copies_with_different_labels_keep_the_majority(faces):
    copy(faces, 0, 1, 8)  # labels 0, 1, 1: the first of label 1 stays
    copy(faces, 2, 10)  # labels 2, 3: a draw
    assert clean(faces, "duplicates")[1].removed.tolist() == [0, 8, 10]


def test_train_images_of_other_splits_are_removed_with_all_their_copies(faces):
    copy(faces, 75, 7, 14)
    copy(faces, 100, 20)
    copy(faces, 80, 81, 110)  # within valid, and in test: they stay
    cleaned, report = clean(faces, "duplicates")
    assert report.removed.tolist() == [7, 14, 20]
    assert report.positions("in_other_split", "test").tolist() == [100, 110]
    assert report.positions("in_other_split", "valid").tolist() == [75, 80, 81]
    for split in ("valid", "test"):
        np.testing.assert_array_equal(cleaned.part(split).ids, faces.part(split).ids)
    train = {image.tobytes() for image in cleaned.part("train").images}
    others = {image.tobytes() for s in ("valid", "test") for image in faces.part(s).images}
    assert not train & others


def test_both_removes_what_either_does_and_counts_it_once(faces):
    copy(faces, 7, 14)
    copy(faces, 75, 20)
    for position in (14, 20, 33):
        stranger(faces, position)
    removed = {how: set(clean(faces, how)[1].removed.tolist()) for how in CLEANINGS}
    assert removed["none"] == set()
    assert removed["both"] == removed["non_faces"] | removed["duplicates"] == {14, 20, 33}
    table = clean(faces, "both")[1].table()
    assert table["train"].tolist() == [3, 0, 0]


def test_removed_copies_come_with_the_image_that_stays(faces):
    copy(faces, 0, 1, 8)  # labels 0, 1, 1: position 1 stays
    copy(faces, 80, 20, 110)
    copy(faces, 30, 31)
    for position in (30, 31):
        stranger(faces, position)  # a copy whose partner goes too
    removed, stays = removed_copies(faces, clean(faces, "both")[1])
    assert removed.tolist() == [0, 8, 20]
    assert stays.tolist() == [1, 1, 80]


def test_unknown_cleaning_lists_the_known_ones(faces):
    with pytest.raises(ConfigError, match="'all'; known: both, duplicates"):
        clean(faces, "all")
