"""Metrics are those of scikit-learn, intervals cover, predictions do not depend on batches."""

import math

import numpy as np
import pytest
import torch
from helpers import TinyNet, toy_faces
from sklearn import metrics
from torch import nn

from fer_utils import evaluation
from fer_utils.augmentation import TTA_VIEWS, to_float, tta_views
from fer_utils.errors import DataError
from fer_utils.evaluation import (
    bootstrap_interval,
    confusion_matrix,
    evaluate,
    expected_calibration_error,
    predict,
    resample_weights,
    resampled_confusions,
)
from fer_utils.paths import PUBLISHED_RUNS
from fer_utils.runs import open_run

CLASSES = ("a", "b", "c", "d")


def random_predictions(n: int = 500, classes: int = 4, seed: int = 0):
    """Return labels and probabilities that are right more often than not."""
    generator = np.random.default_rng(seed)
    y_true = generator.choice(classes, n, p=[0.5, 0.3, 0.15, 0.05][:classes])
    logits = generator.normal(size=(n, classes))
    logits[np.arange(n), y_true] += 1
    y_prob = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return y_true, y_prob.astype(np.float32)


# -- metrics ----------------------------------------------------------------------------------


@pytest.mark.parametrize("absent", ["none", "from true", "from both"])
@pytest.mark.filterwarnings("ignore::UserWarning")  # scikit-learn's on absent classes
def test_metrics_are_scikit_learns(absent):
    y_true, y_prob = random_predictions()
    if absent != "none":
        y_true = np.where(y_true == 3, 0, y_true)
    if absent == "from both":
        y_prob[:, 3] = 0
        y_prob /= y_prob.sum(1, keepdims=True)
    y_pred = y_prob.argmax(1)
    result = evaluate(y_true, y_prob, CLASSES, samples=20)
    assert result["images"] == 500
    assert result["accuracy"] == pytest.approx(metrics.accuracy_score(y_true, y_pred))
    expected = metrics.balanced_accuracy_score(y_true, y_pred)
    assert result["balanced_accuracy"] == pytest.approx(expected)
    expected = metrics.f1_score(y_true, y_pred, average="macro", zero_division=0)
    assert result["macro_f1"] == pytest.approx(expected)
    expected = metrics.log_loss(y_true, y_prob.astype(float), labels=range(4))
    assert result["log_loss"] == pytest.approx(expected, rel=1e-6)
    labels = list(range(4))
    expected = metrics.confusion_matrix(y_true, y_pred, labels=labels)
    assert result["confusion"] == expected.tolist()
    per_class = metrics.precision_recall_fscore_support(
        y_true, y_pred, labels=labels, zero_division=0
    )
    for label, name in enumerate(CLASSES):
        ours = [result["per_class"][name][m] for m in ("precision", "recall", "f1", "images")]
        assert ours == pytest.approx([part[label] for part in per_class])
        low, high = result["per_class"][name]["recall_ci"]
        assert low <= result["per_class"][name]["recall"] <= high


def test_probabilities_rounded_to_float16_are_taken_as_they_are_meant():
    y_true, y_prob = random_predictions()
    exact = evaluate(y_true, y_prob, CLASSES, samples=5)
    rounded = evaluate(y_true, y_prob.astype(np.float16), CLASSES, samples=5)
    assert rounded["log_loss"] == pytest.approx(exact["log_loss"], abs=1e-3)
    assert rounded["ece"] == pytest.approx(exact["ece"], abs=0.02)


def test_the_result_is_json():
    import json

    y_true, y_prob = random_predictions(50)
    result = evaluate(y_true, y_prob, CLASSES, occurs_in_train=y_true == 0, samples=5)
    assert json.loads(json.dumps(result)) == result


def test_a_probability_that_float16_rounds_to_zero_is_small_not_impossible():
    y_true, y_prob = np.array([0, 1]), np.array([[1 - 1e-8, 1e-8], [1 - 1e-8, 1e-8]])
    exact = evaluate(y_true, y_prob, ("a", "b"), samples=5)["log_loss"]  # 18.4 / 2
    rounded = evaluate(y_true, y_prob.astype(np.float16), ("a", "b"), samples=5)["log_loss"]
    assert rounded == pytest.approx(exact, abs=1)


def test_log_loss_of_a_sure_mistake_is_finite():
    result = evaluate(np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]]), ("a", "b"), samples=5)
    assert math.isfinite(result["log_loss"])
    assert result["log_loss"] > 10


def test_confusion_by_weights_is_the_loop_over_resamples():
    y_true, y_prob = random_predictions(60)
    y_pred = y_prob.argmax(1)
    weights = resample_weights(60, 30)
    assert weights.shape == (30, 60)
    assert (weights.sum(1) == 60).all()
    found = confusion_matrix(y_true, y_pred, 4, weights)
    for one, counts in zip(weights, found, strict=True):
        again = np.repeat(np.arange(60), one)
        expected = metrics.confusion_matrix(y_true[again], y_pred[again], labels=range(4))
        assert (counts == expected).all()


def test_metrics_of_many_matrices_are_those_of_each():
    y_true, y_prob = random_predictions(60)
    many = confusion_matrix(y_true, y_prob.argmax(1), 4, resample_weights(60, 8))
    for name in ("accuracy", "macro_f1", "balanced_accuracy", "recall", "precision", "f1"):
        metric = getattr(evaluation, name)
        assert metric(many) == pytest.approx(np.array([metric(one) for one in many]))


def test_calibration_error_by_hand():
    # two bins of two: (0, .5] holds nothing; (.5, 1] holds all four
    y_prob = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]])
    y_true = np.array([0, 1, 1, 0])  # right, wrong, right, wrong
    assert expected_calibration_error(y_true, y_prob, bins=2) == pytest.approx(0.75 - 0.5)
    # ten bins: one image each, so the mean of the gaps
    gaps = [1 - 0.9, 0.8, 1 - 0.7, 0.6]
    # 0.6..0.9 may fall on either side of a bin's edge; four bins of 0.05 keep them apart
    assert expected_calibration_error(y_true, y_prob, bins=20) == pytest.approx(np.mean(gaps))
    # sure and right: nothing to complain of, in the last bin
    assert expected_calibration_error(np.array([0, 1]), np.eye(2)) == 0
    assert expected_calibration_error(np.array([1, 0]), np.eye(2)) == 1


# -- intervals --------------------------------------------------------------------------------


def test_the_interval_is_the_binomial_one():
    n, hits = 1000, 700
    y_true = np.zeros(n, int)
    y_prob = np.where(np.arange(n)[:, None] < hits, [[0.9, 0.1]], [[0.1, 0.9]])
    half = 1.96 * math.sqrt(0.7 * 0.3 / n)
    low, high = bootstrap_interval([(y_true, y_prob)], 2)
    assert low == pytest.approx(0.7 - half, abs=0.003)
    assert high == pytest.approx(0.7 + half, abs=0.003)
    assert evaluate(y_true, y_prob, ("a", "b"))["accuracy_ci"] == [low, high]
    assert bootstrap_interval([(y_true, y_prob)] * 3, 2) == pytest.approx([low, high])


def test_the_interval_of_several_runs_is_of_their_mean():
    y_true = np.zeros(400, int)
    right, wrong = np.tile([0.9, 0.1], (400, 1)), np.tile([0.1, 0.9], (400, 1))
    assert bootstrap_interval([(y_true, right), (y_true, wrong)], 2) == [0.5, 0.5]
    half = np.arange(400)[:, None] < 200
    one, other = np.where(half, right, wrong), np.where(half, wrong, right)
    # each image is right in one of the runs: the same resample for both leaves no spread
    assert bootstrap_interval([(y_true, one), (y_true, other)], 2) == [0.5, 0.5]


def test_resamples_are_the_same_each_time():
    assert (resample_weights(50, 4) == resample_weights(50, 4)).all()
    assert (resample_weights(50, 4) != resample_weights(50, 4, seed=1)).any()


def by_person(people: int = 100, each: int = 10, seed: int = 0):
    """Return labels, probabilities and people: a person's images are all right or all wrong."""
    right = np.random.default_rng(seed).random(people) < 0.7
    owners = np.repeat(np.arange(people), each)
    y_true = np.arange(people * each) % 2
    return y_true, np.eye(2)[np.where(right[owners], y_true, 1 - y_true)], owners


def test_people_are_drawn_with_all_their_images():
    people = np.array([7, 3, 7, 7, 5, 3])
    weights = resample_weights(6, 40, groups=people)
    assert weights.shape == (40, 6)
    assert (weights[:, people == 7] == weights[:, [0]]).all()
    assert (weights[:, [0, 1, 4]] == resample_weights(3, 40)).all()  # how often each person is
    assert len(set(weights.sum(1).tolist())) > 1
    with pytest.raises(DataError, match="2 groups for 6 images"):
        resample_weights(6, 40, groups=people[:2])


def test_the_interval_over_people_is_that_of_so_many_people():
    y_true, y_prob, people = by_person()
    low, high = bootstrap_interval([(y_true, y_prob)], 2)
    share = y_prob[np.arange(len(y_true)), y_true].mean()
    wide_low, wide_high = bootstrap_interval([(y_true, y_prob)], 2, groups=people)
    half = 1.96 * math.sqrt(share * (1 - share) / 100)
    assert [wide_low, wide_high] == pytest.approx([share - half, share + half], abs=0.015)
    assert (wide_high - wide_low) / (high - low) == pytest.approx(math.sqrt(10), rel=0.1)
    result = evaluate(y_true, y_prob, ("a", "b"), groups=people)
    assert result["accuracy_ci"] == [wide_low, wide_high]
    plain = evaluate(y_true, y_prob, ("a", "b"))
    for name in ("macro_f1_ci", "balanced_accuracy_ci"):
        assert np.ptp(result[name]) > 2 * np.ptp(plain[name])
    assert np.ptp(result["per_class"]["a"]["recall_ci"]) > 2 * np.ptp(
        plain["per_class"]["a"]["recall_ci"]
    )
    changed = {name for name in plain if plain[name] != result[name]}
    assert changed == {"accuracy_ci", "macro_f1_ci", "balanced_accuracy_ci", "per_class"}


def test_the_accuracy_without_copies_is_drawn_over_people_too():
    y_true, y_prob, people = by_person()
    occurs = np.arange(len(y_true)) % 5 == 0
    options = {"occurs_in_train": occurs, "samples": 500}
    plain, wide = (
        evaluate(y_true, y_prob, ("a", "b"), **options, groups=groups) for groups in (None, people)
    )
    assert np.ptp(wide["accuracy_unseen_ci"]) > 2 * np.ptp(plain["accuracy_unseen_ci"])


def test_a_person_per_image_is_the_bootstrap_of_images():
    y_true, y_prob = random_predictions()
    people = np.random.default_rng(1).permutation(len(y_true))
    plain = evaluate(y_true, y_prob, CLASSES, samples=200)
    assert evaluate(y_true, y_prob, CLASSES, samples=200, groups=people) == plain


def test_without_people_every_number_is_what_it_was():
    """Draws and order of sums, bit for bit: of made-up predictions and of a published run."""
    y_true, y_prob = random_predictions()
    draws = np.random.default_rng(0).multinomial(500, np.full(500, 1 / 500), size=300)
    assert (resample_weights(500, 300) == draws).all()
    assert resample_weights(500, 300) is resample_weights(500, 300)  # kept, it takes time
    shares = (draws @ (y_prob.argmax(1) == y_true)) / 500
    expected = np.percentile(shares, [2.5, 97.5]).tolist()
    assert bootstrap_interval([(y_true, y_prob)], 4, samples=300) == expected
    assert evaluate(y_true, y_prob, CLASSES, samples=300)["accuracy_ci"] == expected
    runs = [open_run(folder) for folder in sorted(PUBLISHED_RUNS.glob("cs230_baseline-s*"))]
    predictions = [run.predictions("test") for run in runs]
    assert len(predictions) == 3
    found = bootstrap_interval(predictions, 7, evaluation.balanced_accuracy)
    assert found == [0.5422948736413569, 0.5763661343229872]
    assert bootstrap_interval(predictions, 7) == [0.6243127147766322, 0.6522708275285595]


def test_resampled_confusions_are_of_each_model_on_shared_resamples():
    y_true, y_prob = random_predictions(60)
    people = np.arange(60) // 3
    y_preds = [y_prob.argmax(1), y_true]
    found = resampled_confusions(y_true, y_preds, 4, 8, people)
    assert found.shape == (2, 8, 4, 4)
    weights = resample_weights(60, 8, groups=people)
    for one, y_pred in zip(found, y_preds, strict=True):
        assert (one == confusion_matrix(y_true, y_pred, 4, weights)).all()
    assert (found.sum((-2, -1)) == weights.sum(1)).all()


def test_accuracy_without_images_that_occur_in_train():
    y_true = np.array([0, 0, 1, 1, 1])
    y_prob = np.eye(2)[[0, 1, 1, 0, 1]]  # right, wrong, right, wrong, right
    occurs = np.array([True, False, False, False, True])
    result = evaluate(y_true, y_prob, ("a", "b"), occurs_in_train=occurs, samples=200)
    assert result["accuracy"] == pytest.approx(3 / 5)
    assert result["images_unseen"] == 3
    assert result["accuracy_unseen"] == pytest.approx(1 / 3)
    low, high = result["accuracy_unseen_ci"]
    assert low <= 1 / 3 <= high
    assert "accuracy_unseen" not in evaluate(y_true, y_prob, ("a", "b"), samples=5)


# -- predictions ------------------------------------------------------------------------------


@pytest.fixture
def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(TinyNet(7), nn.Dropout(0.5))


def test_modes_are_the_averages_of_their_views(net):
    images = toy_faces().images[:20]
    found = predict(net, images, ("flip_and_seven", "none", "flip"))  # in any order
    assert list(found) == ["flip_and_seven", "none", "flip"]
    for mode in TTA_VIEWS:
        views = tta_views(to_float(torch.from_numpy(images)[:, None]), mode)
        with torch.no_grad(), evaluation.autocast(torch.device("cpu")):
            parts = [net.eval()(view).float().softmax(1) for view in views]
        expected = torch.stack(parts).mean(0).numpy()
        assert found[mode] == pytest.approx(expected, abs=1e-6)
        assert found[mode].dtype == np.float32
        assert found[mode].sum(1) == pytest.approx(1, abs=1e-5)
    assert (found["none"] != found["flip"]).any()


def test_a_mode_does_not_depend_on_the_others(net):
    images = toy_faces().images[:20]
    together = predict(net, images, tuple(TTA_VIEWS))
    for mode in TTA_VIEWS:
        assert (predict(net, images, (mode,))[mode] == together[mode]).all()


@pytest.mark.parametrize("batch_size", [1, 7, 20, 100])
def test_batches_do_not_matter(net, batch_size):
    images = toy_faces().images[:20]
    expected = predict(net, images)["none"]
    assert predict(net, images, batch_size=batch_size)["none"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.filterwarnings("error")  # torch warns of arrays that it may not write to
def test_memory_mapped_images(net, tmp_path):
    images = toy_faces().images[:20]
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    assert (predict(net, mapped)["none"] == predict(net, images)["none"]).all()


def test_the_model_is_left_in_evaluation_mode_and_unchanged(net):
    before = {name: value.clone() for name, value in net.state_dict().items()}
    net.train()
    predict(net, toy_faces().images[:4])
    assert not any(module.training for module in net.modules())
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert all(parameter.requires_grad for parameter in net.parameters())
