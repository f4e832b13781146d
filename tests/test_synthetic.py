"""The embedded data set of drawn faces: its form, its planted troubles, and its geometry."""

import time

import numpy as np
import pytest

from fer_utils.datasets.face_drawing import draw_faces
from fer_utils.datasets.face_features import mouth_shape
from fer_utils.datasets.face_parameters import (
    ACTION_UNITS,
    CHANCES,
    TRAITS,
    UNITS,
    VARIANTS,
    FaceParameters,
    expression_units,
)
from fer_utils.datasets.synthetic import MIN_IMAGES, _labels_and_split, load_synthetic
from fer_utils.errors import ConfigError
from fer_utils.labels import FER2013_CLASSES, FERPLUS_VOTES, SPLITS
from fer_utils.profiles import get_profile

NF = FERPLUS_VOTES.index("NF")
SMOKE = get_profile("smoke").synthetic_images


@pytest.fixture(scope="module")
def smoke():
    return load_synthetic(SMOKE)


def plain_faces(units: dict[int, float], n: int = 1) -> FaceParameters:
    """Return `n` average faces, without glasses, beard or camera faults, with the given units."""
    means = {name: mean for name, (mean, *_) in TRAITS.items()}
    means |= dict.fromkeys((*CHANCES, "blur", "noise"), 0.0) | {"variation": 0.5}
    return FaceParameters(
        {unit: np.full(n, units.get(unit, 0), np.float32) for unit in UNITS},
        {name: np.full(n, value, np.float32) for name, value in means.items()},
    )


def _expressive(name: str):
    return plain_faces(dict(zip(UNITS, expression_units(name), strict=True)))


def test_form(smoke):
    assert smoke.images.shape == (SMOKE, 48, 48)
    assert smoke.images.dtype == np.uint8
    assert smoke.labels.dtype == np.int64
    assert smoke.name == "synthetic"
    assert smoke.class_names == FER2013_CLASSES
    assert smoke.source == f"synthetic faces, {SMOKE} images, seed 0"
    assert len(smoke.source_hash) == 64
    assert smoke.data_key == f"synthetic-{smoke.source_hash[:16]}"
    assert smoke.images.std() > 30  # a real range of grays


def test_same_seed_same_faces_other_seed_others():
    first, again = load_synthetic(MIN_IMAGES), load_synthetic(MIN_IMAGES)
    other = load_synthetic(MIN_IMAGES, seed=1)
    for part in ("images", "labels", "split", "votes"):
        np.testing.assert_array_equal(getattr(first, part), getattr(again, part))
    assert first.data_key == again.data_key != other.data_key
    # Run keys need the same bytes on every machine; edit this line when the drawing changes.
    assert first.data_key == "synthetic-5819e78de6482b2b"
    assert (first.images != other.images).any(axis=(1, 2)).mean() > 0.9


def test_splits_are_a_tenth_each_and_disjoint(smoke):
    sizes = [len(smoke.indices(name)) for name in SPLITS]
    assert sizes == [SMOKE * 8 // 10, SMOKE // 10, SMOKE // 10]
    ids = np.concatenate([smoke.part(name).ids for name in SPLITS])
    assert len(np.unique(ids)) == SMOKE


@pytest.mark.parametrize("images", [MIN_IMAGES, SMOKE, 6000])
def test_class_proportions(images):
    labels, split = _labels_and_split(images, np.random.default_rng(0))
    fer2013 = np.array([3995, 436, 4097, 7215, 4830, 3171, 4965]) / 28709
    for code in range(len(SPLITS)):
        counts = np.bincount(labels[split == code])
        assert len(counts) == 7
        assert counts.min() >= (8 if code == 0 else 3)
        assert counts.sum() >= images // 10
        most = 7 if images < 1_000 else 4  # there eight of a class are a lot
        assert np.abs(counts - fer2013 * counts.sum()).max() <= most


def test_classes_are_mixed_within_a_split(smoke):
    train = smoke.labels[smoke.indices("train")]
    assert np.mean(train[1:] == train[:-1]) < 0.3


def test_too_few_images_are_refused():
    with pytest.raises(ConfigError, match=str(MIN_IMAGES)):
        load_synthetic(MIN_IMAGES - 1)


def test_ten_votes_each_that_mostly_but_not_always_agree_with_the_label(smoke):
    assert (smoke.votes.sum(axis=1) == 10).all()
    column = np.array([4, 5, 6, 1, 3, 2, 0])[smoke.labels]
    agree = np.mean(smoke.votes.argmax(axis=1) == column)
    assert 0.6 < agree < 0.9
    clear = np.mean(smoke.votes.max(axis=1) > 5)
    assert 0.7 < clear < 0.95


def test_non_faces(smoke):
    strangers = np.flatnonzero(smoke.votes[:, NF] == 10)
    assert 3 <= len(strangers) <= 10
    assert set(smoke.split[strangers]) == {0, 1, 2}
    assert smoke.votes[smoke.votes[:, NF] < 10, NF].sum() == 0
    assert any(np.ptp(smoke.images[row]) == 0 for row in strangers)


def test_duplicates_within_and_across_splits(smoke):
    where: dict[bytes, list[int]] = {}
    for row, image in enumerate(smoke.images):
        where.setdefault(image.tobytes(), []).append(row)
    groups = [rows for rows in where.values() if len(rows) > 1]
    surplus = sum(len(rows) - 1 for rows in groups)
    assert 0.015 * SMOKE <= surplus <= 0.03 * SMOKE
    kinds = {tuple(sorted(set(smoke.split[rows].tolist()))) for rows in groups}
    assert {(0,), (0, 1), (0, 2)} <= kinds
    for rows in groups:  # votes are about the picture
        assert (smoke.votes[rows] == smoke.votes[rows[0]]).all()


def test_time_for_600_images():
    start = time.process_time()
    load_synthetic(600)
    assert time.process_time() - start < 6


def test_action_unit_tables_cover_all_classes_and_name_known_units():
    assert tuple(ACTION_UNITS) == FER2013_CLASSES
    assert set(VARIANTS) == set(FER2013_CLASSES)
    for table in (*ACTION_UNITS.values(), *(units for _, units in VARIANTS.values())):
        assert set(table) <= set(UNITS)
        assert all(0 <= intensity <= 1 for intensity in table.values())
    assert not ACTION_UNITS["neutral"]


def test_an_unknown_expression_is_refused():
    with pytest.raises(ConfigError, match="known"):
        expression_units("bored")


def test_mouth_corners_rise_in_happy_and_fall_in_sad():
    corner = {
        name: mouth_shape(_expressive(name))["corner"].item()
        for name in ("happy", "sad", "neutral")
    }
    assert corner["happy"] < -0.1 < corner["neutral"] < 0.1 < corner["sad"]


def test_units_move_the_pixels_that_they_should():
    rest = draw_faces(plain_faces({}), 96)[0].astype(int)
    brows, mouth = slice(20, 42), slice(62, 96)  # rows of the picture
    for unit, moved, still in ((2, brows, mouth), (12, mouth, brows), (26, mouth, brows)):
        change = np.abs(draw_faces(plain_faces({unit: 1.0}), 96)[0] - rest)
        assert change[moved].mean() > 3 * change[still].mean(), unit
    jaw = draw_faces(plain_faces({25: 1.0, 26: 1.0}), 96)[0]
    assert jaw[70:85, 44:52].mean() < rest[70:85, 44:52].mean() - 30  # a dark open mouth


def test_faces_drawn_together_or_alone_are_the_same():
    faces = plain_faces({12: 0.5}, n=3)
    together = draw_faces(faces)
    np.testing.assert_array_equal(together[2:], draw_faces(faces.take(slice(2, 3))))
