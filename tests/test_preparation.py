"""What a recipe trains on: labels, cleaning and balancing, without a touch on valid and test."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import RECIPE, toy_faces

from fer_utils.balancing.resampling import METHODS, is_made
from fer_utils.errors import ConfigError, DataError
from fer_utils.preparation import prepare, training_part
from fer_utils.training import Session, refuse_unknown

FACES = toy_faces(train=140)
CPU = torch.device("cpu")


def unbalanced():
    """Return the faces with half of the train images of class 1 and two thirds of class 2."""
    train = FACES.indices("train")
    turn, label = np.arange(len(train)) // 7, FACES.labels[train]
    rare = ((label == 1) & (turn % 2 == 0)) | ((label == 2) & (turn % 3 == 0))
    return FACES.take(np.setdiff1d(np.arange(len(FACES)), train[rare]))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("fer_utils.paths.DATA_CACHE", tmp_path)


def test_cleaning_touches_train_alone():
    train, test = FACES.indices("train"), FACES.indices("test")
    copied = np.array(FACES.images)
    copied[train[:3]] = copied[test[:3]]
    dataset = replace(FACES, images=copied)
    prepared = prepare(replace(RECIPE, cleaning="duplicates"), dataset)
    assert len(prepared.part("train")) == len(train) - 3
    for split in ("valid", "test"):
        assert prepared.part(split).ids.tolist() == dataset.part(split).ids.tolist()
    assert prepare(RECIPE, dataset) is dataset


# ADASYN refuses classes that are as easy to tell as these, and none of them is a tenth of another
@pytest.mark.parametrize("method", sorted(set(METHODS) - {"adasyn", "augmented_small"}))
def test_resampling_adds_to_train_alone(method):
    recipe, dataset = replace(RECIPE, balancing=method), unbalanced()
    part = training_part(recipe, prepare(recipe, dataset), seed=0)
    real = dataset.part("train")
    assert part.ids[: len(real)].tolist() == real.ids.tolist()
    assert len(part) > len(real)
    assert is_made(part)[len(real) :].all()
    assert not np.isin(part.ids, dataset.part("test").ids).any()


def test_pixels_are_normalized_by_real_faces_only():
    dataset = unbalanced()
    sessions = []
    for balancing in ("none", "random_over"):
        recipe = replace(RECIPE, balancing=balancing)
        part = training_part(recipe, dataset, seed=0)
        sessions.append(Session(recipe, part, dataset.part("valid"), 1, 0, CPU))
    plain, resampled = (session.model.normalize for session in sessions)
    assert len(sessions[1].inputs) > len(sessions[0].inputs)
    assert (plain.mean, plain.std) == (resampled.mean, resampled.std)


@pytest.mark.parametrize(
    "how",
    [{"balancing": "sampler"}, {"loss": "focal"}, {"loss": "logit_adjustment"}],
    ids=lambda how: next(iter(how.values())),
)
def test_balancing_in_the_loop_changes_what_is_learned(how):
    dataset = unbalanced()
    parts = dataset.part("train"), dataset.part("valid")
    torch.set_num_threads(1)
    plain = Session(RECIPE, *parts, 1, 0, CPU).run_epoch()
    changed = Session(replace(RECIPE, **how), *parts, 1, 0, CPU).run_epoch()
    assert changed["train_loss"] != plain["train_loss"]


def test_made_images_know_no_teacher():
    with pytest.raises(ConfigError, match="neither votes nor a teacher"):
        refuse_unknown(replace(RECIPE, balancing="smote", teacher=("small",)))


def test_ferplus_without_votes_is_refused():
    with pytest.raises(DataError, match="votes"):
        prepare(replace(RECIPE, dataset="ferplus"), FACES)
