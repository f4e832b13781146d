"""From recipe to run: trained once, loaded after that, and blind to the test part."""

import subprocess
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from helpers import PROFILE, RECIPE, toy_faces, weights_hash

from fer_utils import experiments
from fer_utils.errors import RunError
from fer_utils.evaluation import predict
from fer_utils.experiments import provenance, train_or_load, train_seeds
from fer_utils.run_keys import run_key
from fer_utils.runs import RunStore, publish
from fer_utils.training import OutOfTime

DATASET = toy_faces()


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    """A GPU's sums are not the same bit for bit."""
    monkeypatch.setattr("fer_utils.training.loop.pick_device", lambda: torch.device("cpu"))


def make(folder, dataset=DATASET, recipe=RECIPE, profile=PROFILE, **options):
    store = RunStore(folder)
    return train_or_load(recipe, dataset, profile, store=store, progress=False, **options)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fer_utils.training.loop.pick_device", lambda: torch.device("cpu"))
        return make(tmp_path_factory.mktemp("runs"))


def forbid(*arguments, **options):
    raise AssertionError("trained again")


def test_a_run_holds_all_that_the_report_needs(trained):
    assert trained.manifest["epochs"] == len(trained.history) == 3
    assert 1 <= trained.manifest["best_epoch"] <= 3
    assert trained.manifest["data"]["data_key"] == DATASET.data_key
    assert trained.manifest["data"]["image_size"] == 16
    assert trained.manifest["parameters"] == sum(
        p.numel() for p in trained.load_model().parameters()
    )
    for split in ("valid", "test"):
        part = DATASET.part(split)
        again = predict(trained.load_model(), part.images, RECIPE.tta)
        assert list(trained.metrics[split]) == list(RECIPE.tta)
        for mode in RECIPE.tta:
            y_true, y_prob = trained.predictions(split, mode)
            assert (y_true == part.labels).all()
            assert y_prob == pytest.approx(again[mode], abs=5e-4)
            accuracy = (again[mode].argmax(1) == part.labels).mean()
            assert trained.metrics[split][mode]["accuracy"] == pytest.approx(accuracy)
            assert trained.metrics[split][mode]["images_unseen"] == len(part)
    best = trained.history["valid_accuracy"].max()
    assert trained.metrics["valid"]["none"]["accuracy"] == pytest.approx(best, abs=1e-5)


def test_a_run_is_trained_once(trained, monkeypatch):
    monkeypatch.setattr(experiments, "train", forbid)
    assert make(trained.folder.parent).folder == trained.folder
    with pytest.raises(AssertionError):  # whatever changes it is trained
        make(trained.folder.parent, profile=replace(PROFILE, epoch_fraction=0.02))
    with pytest.raises(AssertionError):
        make(trained.folder.parent, dataset=replace(DATASET, data_key="other"))


def poisoned() -> object:
    """Return the data set with garbage for a test part."""
    generator = np.random.default_rng(9)
    test = DATASET.indices("test")
    images, labels = DATASET.images.copy(), DATASET.labels.copy()
    images[test] = generator.integers(0, 256, images[test].shape)
    labels[test] = generator.integers(0, 7, len(test))
    return replace(DATASET, images=images, labels=labels)


def test_the_test_part_decides_nothing(trained, tmp_path):
    run = make(tmp_path, poisoned())
    assert run.metrics["test"] != trained.metrics["test"]  # it was looked at
    assert run.metrics["valid"] == trained.metrics["valid"]
    assert weights_hash(run.load_model()) == weights_hash(trained.load_model())
    assert run.manifest["best_epoch"] == trained.manifest["best_epoch"]
    columns = [name for name in trained.history if name != "seconds"]
    assert run.history[columns].equals(trained.history[columns])


def test_training_gets_no_test_image(tmp_path, monkeypatch):
    seen = {}

    def spy(recipe, *parts, **options):
        seen["splits"] = [set(part.split.tolist()) for part in parts]
        raise InterruptedError

    monkeypatch.setattr(experiments, "train", spy)
    with pytest.raises(InterruptedError):
        make(tmp_path)
    assert seen["splits"] == [{0}, {1}]


def test_images_that_occur_in_train_are_counted(tmp_path):
    images = DATASET.images.copy()
    test, train = DATASET.indices("test"), DATASET.indices("train")
    images[test[:5]] = images[train[:5]]
    run = make(
        tmp_path, replace(DATASET, images=images), profile=replace(PROFILE, epoch_fraction=0)
    )
    for mode in RECIPE.tta:
        metrics = run.metrics["test"][mode]
        assert metrics["images_unseen"] == len(test) - 5
        y_true, y_prob = run.predictions("test", mode)
        expected = (y_prob.argmax(1) == y_true)[5:].mean()
        assert metrics["accuracy_unseen"] == pytest.approx(expected)


def test_out_of_time_and_on(trained, tmp_path):
    class Stop(Exception):  # noqa: N818
        pass

    def stop(row):
        raise Stop

    with pytest.raises(Stop):
        make(tmp_path, on_epoch=stop)
    with pytest.raises(OutOfTime, match="1 of 3"):
        make(tmp_path, deadline=0.0)
    key = run_key(RECIPE, PROFILE, DATASET.data_key, 0)
    assert RunStore(tmp_path).checkpoint(key).exists()
    assert RunStore(tmp_path).find(key) is None
    run = make(tmp_path)
    assert weights_hash(run.load_model()) == weights_hash(trained.load_model())
    assert not RunStore(tmp_path).checkpoint(key).exists()


def test_weights_that_were_not_published(trained, tmp_path, monkeypatch):
    published = publish(trained, tmp_path / "published")
    store = RunStore(tmp_path / "runs", tmp_path / "published")
    with monkeypatch.context() as patch:
        patch.setattr(experiments, "train", forbid)
        run = train_or_load(RECIPE, DATASET, PROFILE, store=store, progress=False)
        assert run.folder == published.folder
    again = train_or_load(RECIPE, DATASET, PROFILE, store=store, progress=False, with_weights=True)
    assert again.folder.parent == tmp_path / "runs"
    assert weights_hash(again.load_model()) == weights_hash(trained.load_model())
    assert not published.has_weights


def test_seeds(tmp_path):
    profile = replace(PROFILE, epoch_fraction=0, headline_seeds=2)
    found = train_seeds(
        replace(RECIPE, headline=True), DATASET, profile, store=RunStore(tmp_path), progress=False
    )
    assert [run.seed for run in found] == [0, 1]
    assert len({run.key for run in found}) == 2
    assert weights_hash(found[0].load_model()) != weights_hash(found[1].load_model())


def test_image_normalization_is_loaded_again(tmp_path):
    profile = replace(PROFILE, epoch_fraction=0)
    run = make(tmp_path, recipe=replace(RECIPE, normalization="image"), profile=profile)
    part = DATASET.part("test")
    again = predict(run.load_model(), part.images)["none"]
    assert run.predictions("test")[1] == pytest.approx(again, abs=5e-4)


def test_the_code_is_noted_when_it_is_loaded_not_when_the_training_ends(tmp_path, monkeypatch):
    codes = iter([{"commit": "first", "dirty": False}, {"commit": "later", "dirty": True}])
    monkeypatch.setattr(experiments, "loaded_code", cache(lambda: next(codes)))
    monkeypatch.setattr(experiments, "code_now", lambda: next(codes))
    run = make(tmp_path)
    assert (run.manifest["commit"], run.manifest["dirty"]) == ("first", False)
    assert "earlier_code" not in run.manifest
    assert run.manifest["hardware"]["threads"] == 1


def test_a_resumed_run_names_the_code_of_all_its_parts(tmp_path, monkeypatch):
    def stop(row):
        raise InterruptedError

    begun = {"commit": "first", "dirty": True}
    monkeypatch.setattr(experiments, "loaded_code", lambda: begun)
    with pytest.raises(InterruptedError):
        make(tmp_path, on_epoch=stop)
    monkeypatch.setattr(experiments, "loaded_code", lambda: {"commit": "next", "dirty": False})
    run = make(tmp_path)
    assert (run.manifest["commit"], run.manifest["dirty"]) == ("next", True)
    assert run.manifest["earlier_code"] == [begun]


def test_new_files_are_changes_too(tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "ROOT", tmp_path)
    monkeypatch.delenv(experiments.COMMIT_VARIABLE, raising=False)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    assert experiments.code_now()["dirty"] is False
    (tmp_path / "notes.txt").touch()  # not in the package
    assert experiments.code_now()["dirty"] is False
    (tmp_path / "fer_utils").mkdir()
    (tmp_path / "fer_utils" / "new.py").touch()
    assert experiments.code_now()["dirty"] is True


def test_provenance():
    facts = provenance()
    assert set(facts) == {"created", "commit", "dirty", "hardware", "versions"}
    assert facts["created"].endswith("+00:00")
    assert facts["versions"]["torch"].startswith(torch.__version__.split("+")[0])
    assert facts["hardware"]["device"] in ("cpu", "cuda")
    assert experiments._version("no-such-package") == "absent"


def test_provenance_outside_a_checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "ROOT", tmp_path)
    monkeypatch.delenv(experiments.COMMIT_VARIABLE, raising=False)
    facts = provenance()
    assert facts["commit"] == ""
    assert facts["dirty"] is False
    monkeypatch.setenv(experiments.COMMIT_VARIABLE, "ab" * 20)
    assert provenance()["commit"] == "ab" * 20


def test_an_ablation_makes_no_test_predictions(tmp_path, monkeypatch):
    asked = []

    def spy(model, images, *modes):
        asked.append(len(images))
        return predict(model, images, *modes)

    monkeypatch.setattr(experiments, "predict", spy)
    run = make(tmp_path, toy_faces(valid=21, test=14), replace(RECIPE, valid_only=True))
    assert asked == [21]
    assert list(run.metrics) == ["valid"]
    with pytest.raises(RunError, match="no predictions for test"):
        run.predictions("test")
    ablation = replace(RECIPE, valid_only=True)
    with monkeypatch.context() as patch:
        patch.setattr(experiments, "train", forbid)
        assert make(tmp_path, toy_faces(valid=21, test=14), ablation).folder == run.folder
    again = make(tmp_path, toy_faces(valid=21, test=14))  # no longer one: the same key
    assert list(again.metrics) == ["valid", "test"]
    assert again.key == run.key
    monkeypatch.setattr(experiments, "train", forbid)
    assert make(tmp_path, toy_faces(valid=21, test=14)).key == run.key
