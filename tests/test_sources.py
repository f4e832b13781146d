"""Data sets beside the main one: where they come from, and what stands in for them."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import PROFILE, RECIPE, toy_faces

from fer_utils.datasets import sources
from fer_utils.datasets.auxiliary import with_auxiliary
from fer_utils.datasets.ferplus import EXPRESSIONS
from fer_utils.datasets.sources import load_source, synthetic_pictures
from fer_utils.errors import DataError
from fer_utils.labels import FER2013_CLASSES, SPLITS
from fer_utils.preparation import draw_train, prepare
from fer_utils.profiles import get_profile
from fer_utils.run_keys import run_key

FACES = toy_faces()


def test_synthetic_pictures_have_eight_expressions_in_each_split():
    pictures = synthetic_pictures(FACES, 24)
    assert pictures.images.shape == (len(FACES), 24, 24)
    assert pictures.class_names == EXPRESSIONS
    for split in SPLITS:
        assert (pictures.class_counts(split) > 0).all()
    kept = pictures.labels != EXPRESSIONS.index("contempt")
    happy = FACES.labels == FER2013_CLASSES.index("happy")
    assert (pictures.labels[happy & kept] == EXPRESSIONS.index("happiness")).all()
    assert set(FACES.labels[~kept]) == {FER2013_CLASSES.index("neutral")}


def test_where_the_main_set_is_synthetic_everything_is(monkeypatch):
    monkeypatch.setattr(sources, "load_dataset", lambda name, profile: toy_faces())
    assert load_source("fer2013_auxiliary", "synthetic", PROFILE).images.shape[1] == 16
    pictures = load_source("affectnet", "synthetic", PROFILE)
    assert pictures.images.shape[1] == PROFILE.picture_side
    monkeypatch.setattr(sources, "load_dataset", lambda name, profile: name)
    assert load_source("affectnet", "fer2013", PROFILE) == "affectnet"


def test_auxiliary_sets_join_train_alone():
    others = (toy_faces(14, 7, 7, seed=1), toy_faces(7, 7, 0, seed=2))
    joined = with_auxiliary(FACES, others)
    assert len(joined.part("train")) == 70 + 28 + 14
    for split in ("valid", "test"):
        np.testing.assert_array_equal(joined.part(split).images, FACES.part(split).images)
        np.testing.assert_array_equal(joined.part(split).ids, FACES.part(split).ids)
    assert len(np.unique(joined.ids)) == len(joined)
    assert joined.data_key != FACES.data_key
    assert joined.data_key != with_auxiliary(FACES, others[:1]).data_key


def test_auxiliary_sets_must_fit():
    with pytest.raises(DataError, match="image size"):
        with_auxiliary(FACES, (toy_faces(size=20),))
    with pytest.raises(DataError, match="classes"):
        with_auxiliary(FACES, (replace(FACES, class_names=tuple("abcdefg")),))


def test_a_draw_takes_the_same_train_images_each_time():
    drawn = draw_train(FACES, 20)
    assert [len(drawn.part(split)) for split in SPLITS] == [20, 28, 28]
    np.testing.assert_array_equal(drawn.ids, prepare(replace(RECIPE, train_images=20), FACES).ids)
    assert (np.diff(drawn.ids) > 0).all()
    half = draw_train(FACES, 1_000)
    assert len(half.indices("train")) == len(FACES.indices("train")) // 2
    assert len(half.indices("test")) == len(FACES.indices("test"))


def test_the_size_of_pictures_is_in_the_key_of_runs_on_pictures():
    laptop = get_profile("laptop")
    larger = replace(laptop, picture_side=256)
    pictures = replace(RECIPE, dataset="facial_expressions")
    assert run_key(RECIPE, laptop, "a", 0) == run_key(RECIPE, larger, "a", 0)
    assert run_key(pictures, laptop, "a", 0) != run_key(pictures, larger, "a", 0)
