"""A net with a teacher: whose word it hears, what it minimizes, and how its run is named."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fer_utils import distillation, models, run_keys
from fer_utils.distillation import teacher_probabilities
from fer_utils.errors import RunError
from fer_utils.evaluation import predict
from fer_utils.recipes import RECIPES, get_recipe
from fer_utils.run_keys import run_key, teacher_runs
from fer_utils.runs import RunStore, publish
from fer_utils.training import train
from fer_utils.training.losses import distillation_loss
from tests.helpers import PROFILE, RECIPE, TinyNet, save_run, toy_faces, weights_hash

TEACHER = replace(RECIPE, name="teacher", headline=True)
PUPIL = replace(RECIPE, name="pupil", teacher=("teacher",))
TWO_SEEDS = replace(PROFILE, headline_seeds=2)


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setitem(RECIPES, "teacher", TEACHER)
    monkeypatch.setitem(models.MODELS, "tiny", TinyNet)


def test_the_loss_is_zero_for_who_says_the_same_and_keeps_its_gradient():
    logits = torch.randn(5, 7, requires_grad=True)
    same = logits.detach().softmax(1)
    assert distillation_loss(logits, same, 3.0).item() == pytest.approx(0, abs=1e-5)
    other = torch.full((5, 7), 1 / 7)
    sizes = []
    for temperature in (4.0, 8.0):
        (gradient,) = torch.autograd.grad(distillation_loss(logits, other, temperature), logits)
        sizes.append(gradient.norm().item())
    assert sizes[0] == pytest.approx(sizes[1], rel=0.3)  # without the square: a quarter


def test_a_pupils_key_depends_on_its_teachers_runs(monkeypatch):
    before = run_key(PUPIL, PROFILE, "data", 0)
    assert before != run_key(replace(PUPIL, teacher=()), PROFILE, "data", 0)
    assert list(teacher_runs(PUPIL, TWO_SEEDS, "data")) == [("teacher", 0), ("teacher", 1)]
    monkeypatch.setitem(RECIPES, "teacher", replace(TEACHER, learning_rate=0.01))
    assert run_key(PUPIL, PROFILE, "data", 0) != before


def test_a_teacher_that_only_a_name_trains_teaches_all_the_same(monkeypatch):
    monkeypatch.setitem(RECIPES, "teacher", replace(TEACHER, full_only=True))
    laptop = replace(PROFILE, all_recipes=False)
    assert list(teacher_runs(PUPIL, laptop, "data")) == [("teacher", 0)]


def test_teachers_vote_on_train_images_alone(tmp_path, monkeypatch):
    dataset = toy_faces()
    store = RunStore(tmp_path / "runs")
    keys = teacher_runs(PUPIL, TWO_SEEDS, dataset.data_key)
    torch.manual_seed(1)
    runs = [save_run(store, key) for key in keys.values()]
    asked = []

    def spy(model, images, modes):
        asked.append(images)
        return predict(model, images, modes)

    monkeypatch.setattr(distillation, "predict", spy)
    told = teacher_probabilities(PUPIL, dataset, TWO_SEEDS, store)
    train_images = dataset.part("train").images
    assert all(np.array_equal(images, train_images) for images in asked)
    assert len(asked) == 2
    expected = [predict(run.load_model(), train_images, ("flip",))["flip"] for run in runs]
    assert told == pytest.approx(np.mean(expected, axis=0), abs=1e-6)
    assert told.dtype == np.float32


def test_without_teacher_and_without_its_weights(tmp_path):
    dataset = toy_faces()
    store = RunStore(tmp_path / "runs")
    assert teacher_probabilities(RECIPE, dataset, PROFILE, store) is None
    message = "train teacher --seeds 0 --profile tiny --with-weights"
    with pytest.raises(RunError, match=message):
        teacher_probabilities(PUPIL, dataset, PROFILE, store)
    (key,) = teacher_runs(PUPIL, PROFILE, dataset.data_key).values()
    publish(save_run(RunStore(tmp_path / "other"), key), tmp_path / "runs")
    with pytest.raises(RunError, match="no weights here"):
        teacher_probabilities(PUPIL, dataset, PROFILE, store)


@pytest.mark.parametrize("mixing", ["none", "cutmix"])
def test_training_hears_the_teacher(one_thread, mixing):
    dataset = toy_faces()
    parts = dataset.part("train"), dataset.part("valid")
    recipe = replace(PUPIL, mixing=mixing)
    wrong = np.roll(np.eye(7, dtype=np.float32)[parts[0].labels], 1, axis=1)

    def trained(**options):
        return train(recipe, *parts, epochs=1, seed=0, progress=False, **options).model

    assert weights_hash(trained(teacher=wrong)) != weights_hash(trained())


def test_recipes_with_a_teacher_name_known_ones_without():
    for recipe in RECIPES.values():
        for name in recipe.teacher:
            assert not get_recipe(name).teacher, "a teacher with a teacher: keys would nest"
    assert run_keys.teacher_runs(RECIPE, PROFILE, "data") == {}
