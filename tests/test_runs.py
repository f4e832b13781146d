"""The run store: stable keys, whole runs, and damage that is named."""

import errno
import json
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import PROFILE, RECIPE, TinyNet, save_run, toy_faces

from fer_utils import models, runs
from fer_utils.errors import RunError
from fer_utils.evaluation import predict
from fer_utils.files import sha256_file
from fer_utils.paths import PUBLISHED_RUNS
from fer_utils.profiles import get_profile
from fer_utils.recipes import Recipe, get_recipe
from fer_utils.run_keys import run_key
from fer_utils.runs import MANIFEST, RUN_FILES, WEIGHTS, RunStore, open_run, publish

KEY = "0123456789abcdef"
DATASET = toy_faces()


@pytest.fixture(autouse=True)
def tiny_model(monkeypatch):
    monkeypatch.setitem(models.MODELS, "tiny", TinyNet)


@pytest.fixture
def store(tmp_path) -> RunStore:
    return RunStore(tmp_path / "runs", tmp_path / "published")


# -- keys -------------------------------------------------------------------------------------


def key(recipe: Recipe = RECIPE, profile=PROFILE, data: str = "d", seed: int = 0) -> str:
    return run_key(recipe, profile, data, seed)


def test_keys_of_published_runs_do_not_change():
    """If this fails, every published run would be trained again: undo what changed the key."""
    recipe = Recipe(
        name="golden",
        title="Golden",
        model="five_layer",
        notebook="03_baseline_cnns",
        augmentation="cs230",
        label_smoothing=0.1,
        epochs=80,
    )
    assert run_key(recipe, get_profile("full"), "fer2013", 0) == "a504962693dc1ee8"
    assert run_key(recipe, get_profile("laptop"), "fer2013", 2) == "fd749f635c754ff0"
    plain = replace(recipe, augmentation="none", label_smoothing=0.0)
    assert run_key(plain, get_profile("full"), "fer2013", 0) == "3397f51f80de2c75"


@pytest.mark.parametrize("folder", sorted(PUBLISHED_RUNS.iterdir()), ids=lambda f: f.name)
def test_every_published_run_is_still_found(folder):
    """If this fails, a recipe, its teacher or how many seeds the teacher has was changed."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    recipe = get_recipe(manifest["recipe"]["name"])
    profile, data_key = get_profile(manifest["profile"]), manifest["data"]["data_key"]
    assert run_key(recipe, profile, data_key, manifest["seed"]) == manifest["key"]


@pytest.mark.parametrize(
    "change",
    [
        {"name": "b"},
        {"title": "B"},
        {"notebook": "07_ensembles"},
        {"reproduces": "cs230-fer/baseline"},
        {"headline": True},
        {"full_only": True},
    ],
    ids=str,
)
def test_descriptions_do_not_change_the_key(change):
    assert key(replace(RECIPE, **change)) == key()


def test_only_the_epochs_of_a_profile_count():
    assert key(profile=replace(PROFILE, name="other", bootstrap_samples=7)) == key()
    assert key(profile=replace(PROFILE, epoch_fraction=0.0301)) == key()  # three epochs as well
    assert key(profile=replace(PROFILE, epoch_fraction=0.04)) != key()
    # 60 epochs of which a half are trained are 30 epochs
    half, whole = replace(PROFILE, epoch_fraction=0.5), replace(PROFILE, epoch_fraction=1.0)
    assert key(replace(RECIPE, epochs=60), half) == key(replace(RECIPE, epochs=30), whole)


@pytest.mark.parametrize(
    "change",
    [
        {"model": "baseline"},
        {"dataset": "ferplus"},
        {"cleaning": "dedup"},
        {"balancing": "class_weights"},
        {"initial_weights": "imagenet"},
        {"augmentation": "none"},
        {"normalization": "image"},
        {"loss": "focal"},
        {"label_smoothing": 0.1},
        {"optimizer": "adam"},
        {"learning_rate": 0.03},
        {"weight_decay": 0.0},
        {"schedule": "flat"},
        {"warmup": 0.1},
        {"batch_size": 32},
        {"epochs": 200},
        {"ema_decay": 0.0},
        {"tta": ("none",)},
    ],
    ids=str,
)
def test_what_is_trained_changes_the_key(change):
    assert key(replace(RECIPE, **change)) != key()


def test_data_and_seed_change_the_key():
    assert len({key(), key(data="e"), key(seed=1)}) == 3


def test_a_new_field_with_its_default_leaves_the_key():
    @dataclass(frozen=True)
    class Longer(Recipe):
        mixup: float = 0.0

    same = {name: getattr(RECIPE, name) for name in RECIPE.__dataclass_fields__}
    assert key(Longer(**same)) == key()
    assert key(Longer(**same, mixup=0.2)) != key()


# -- saving and reading -----------------------------------------------------------------------


def test_round_trip(store):
    torch.manual_seed(0)
    saved = save_run(store)
    run = store.find(KEY)
    assert run.folder == saved.folder == store.folders[0] / f"toy-s3-{KEY}"
    assert (run.key, run.seed, run.class_names) == (KEY, 3, DATASET.class_names)
    assert run.manifest["recipe"]["title"] == "Toy"
    assert run.metrics["test"]["flip"] == {"accuracy": 0.5}
    assert run.history.to_dict("records") == [
        {"epoch": 1, "train_loss": 1.5, "valid_accuracy": 0.25, "seconds": 1.0}
    ]
    model = run.load_model()
    assert not model.training
    assert float(model.state_dict()["normalize.mean"]) == pytest.approx(0.2)
    for split in ("valid", "test"):
        part = DATASET.part(split)
        again = predict(model, part.images, RECIPE.tta)
        for mode in RECIPE.tta:
            y_true, y_prob = run.predictions(split, mode)
            assert (y_true == part.labels).all()
            assert (y_true.dtype, y_prob.dtype) == (np.int64, np.float32)
            assert y_prob == pytest.approx(again[mode], abs=5e-4)  # they are kept as float16
        assert (run.sample_ids(split) == part.ids).all()


@pytest.mark.parametrize("ask", [("train", "none"), ("test", "flip_and_seven")])
def test_predictions_that_were_not_kept(store, ask):
    with pytest.raises(RunError, match=f"no predictions for {ask[0]}, TTA '{ask[1]}'"):
        save_run(store).predictions(*ask)


def test_large_ids_survive(store):
    ids = np.arange(len(DATASET)) + 2_000_000_000
    run = save_run(store, dataset=replace(DATASET, ids=ids))
    assert (run.sample_ids("test") == ids[DATASET.indices("test")]).all()


def test_an_unknown_key(store):
    assert store.find(KEY) is None
    save_run(store)
    assert store.find("f" * 16) is None
    assert [run.key for run in store.all()] == [KEY]


def test_saving_again_replaces_and_removes_the_checkpoint(store):
    checkpoint = store.checkpoint(KEY)
    checkpoint.parent.mkdir(parents=True)
    checkpoint.touch()
    first = save_run(store)
    assert not checkpoint.exists()
    (first.folder / "stray").touch()
    save_run(store)
    assert sorted(path.name for path in first.folder.iterdir()) == sorted(
        [*RUN_FILES, MANIFEST, WEIGHTS]
    )


def test_a_copy_elsewhere_is_found(store, tmp_path):
    run = save_run(RunStore(tmp_path / "other host"))
    shutil.copytree(run.folder, store.folders[1] / run.folder.name)
    shutil.rmtree(run.folder.parent)
    found = store.find(KEY)
    assert found.folder.parent == store.folders[1]
    assert predict(found.load_model(), DATASET.images[:2])["none"].shape == (2, 7)


def test_publishing_without_weights(store):
    run = save_run(store)
    published = publish(run, store.folders[1])
    assert not published.has_weights
    assert published.metrics == run.metrics
    with pytest.raises(RunError, match=r"no weights\.safetensors.*fer_utils train toy --profile "
                       r"tiny --with-weights"):  # fmt: skip
        published.load_model()
    assert store.find(KEY).has_weights  # this machine's copy
    assert [found.key for found in store.all()] == [KEY]  # not twice
    shutil.rmtree(run.folder)
    assert store.find(KEY).folder == published.folder
    assert publish(save_run(store), store.folders[1], weights=True).has_weights


def test_publishing_again_without_weights_keeps_those_that_are_there(store):
    run = save_run(store)
    published = publish(run, store.folders[1], weights=True)
    (published.folder / "README.md").write_text("the card")
    (published.folder / "stray").touch()
    again = publish(run, store.folders[1])
    assert sha256_file(again.folder / WEIGHTS) == run.manifest["weights"]["sha256"]
    assert (again.folder / "README.md").read_text() == "the card"
    assert not (again.folder / "stray").exists()


def test_publishing_without_weights_does_not_delete_those_of_another_training(store):
    torch.manual_seed(0)
    published = publish(save_run(store), store.folders[1], weights=True)
    before = {path: path.read_bytes() for path in published.folder.iterdir()}
    other = save_run(store)  # of the same key, as of another machine
    with pytest.raises(RunError, match=r"weights\.safetensors is of another training.*--weights"):
        publish(other, store.folders[1])
    assert {path: path.read_bytes() for path in published.folder.iterdir()} == before
    again = publish(other, store.folders[1], weights=True)
    assert sha256_file(again.folder / WEIGHTS) == other.manifest["weights"]["sha256"]


def test_weights_are_found_in_any_place(store):
    published = publish(save_run(store), store.folders[1], weights=True)
    (store.folders[0] / published.folder.name / WEIGHTS).unlink()
    assert store.find(KEY).folder == published.folder


# -- damage -----------------------------------------------------------------------------------


def damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "missing":
        path.unlink()
    else:
        middle = len(data) // 2
        flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        path.write_bytes({"truncated": data[:middle], "empty": b"", "flipped": flipped}[how])


@pytest.mark.parametrize("name", RUN_FILES)
@pytest.mark.parametrize("how", ["truncated", "missing", "empty", "flipped"])
def test_a_damaged_file_is_named(store, name, how):
    run = save_run(store)
    damage(run.folder / name, how)
    for read in (lambda: open_run(run.folder), lambda: store.find(KEY), lambda: [*store.all()]):
        with pytest.raises(RunError, match=f"{name}: the run is damaged .*delete it to train"):
            read()


@pytest.mark.parametrize("how", ["truncated", "missing", "empty"])
def test_a_damaged_manifest_is_named(store, how):
    run = save_run(store)
    damage(run.folder / MANIFEST, how)
    for read in (lambda: open_run(run.folder), lambda: store.find(KEY)):
        with pytest.raises(RunError, match=r"manifest\.json: the run is damaged"):
            read()


@pytest.mark.parametrize("entry", ["key", "seed", "files", "data", "recipe", "weights", "profile"])
def test_a_manifest_without_an_entry(store, entry):
    path = save_run(store).folder / MANIFEST
    manifest = json.loads(path.read_text())
    del manifest[entry]
    path.write_text(json.dumps(manifest))
    with pytest.raises(RunError, match=rf"manifest\.json: .*KeyError: '{entry}'"):
        store.find(KEY)


@pytest.mark.parametrize("text", ["[]", "null", '{"files": 3}', "\xff\xfe"])
def test_a_manifest_of_another_form(store, text):
    path = save_run(store).folder / MANIFEST
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(RunError, match=r"manifest\.json: the run is damaged"):
        store.find(KEY)


@pytest.mark.parametrize("how", ["truncated", "empty", "flipped"])
def test_damaged_weights(store, how):
    run = save_run(store)
    damage(run.folder / WEIGHTS, how)
    with pytest.raises(RunError, match=r"weights\.safetensors: the run is damaged"):
        store.find(KEY).load_model()


# -- broken off while saving ------------------------------------------------------------------


class Killed(BaseException):
    pass


def failing(function, error: BaseException):
    """Return `function`, but it fails when its work is half done."""

    def fail(*arguments, **options):
        function(*arguments, **options)
        raise error

    return fail


@pytest.mark.parametrize("step", ["write_json", "save_file", "sha256_file"])
@pytest.mark.parametrize("error", [Killed(), OSError(errno.ENOSPC, "No space left")], ids=repr)
@pytest.mark.parametrize("existed", [True, False])
def test_a_failed_save_leaves_the_old_state(store, monkeypatch, step, error, existed):
    before = save_run(store).load_model().state_dict() if existed else None
    checkpoint = store.checkpoint(KEY)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.touch()
    with monkeypatch.context() as patch:
        patch.setattr(runs, step, failing(getattr(runs, step), error))
        with pytest.raises(type(error)):
            save_run(store)
    assert checkpoint.exists()  # so that nothing need be trained again
    names = sorted(path.name for path in store.folders[0].iterdir())
    assert names == [*([f"toy-s3-{KEY}"] if existed else []), "unfinished"]
    if existed:
        after = store.find(KEY).load_model().state_dict()
        assert all(torch.equal(before[name], after[name]) for name in before)
    else:
        assert store.find(KEY) is None


def test_what_a_killed_save_left_is_no_run(store, monkeypatch):
    """After SIGKILL no clean-up runs: the temporary folder stays, whole or half."""
    run = save_run(store)
    for suffix in (".tmp", ".old"):
        shutil.copytree(run.folder, run.folder.parent / f".{run.folder.name}.x7{suffix}")
    for folder in run.folder.parent.glob(f".{run.folder.name}*"):
        (folder / "history.csv").unlink()
    assert store.find(KEY).folder == run.folder
    assert len([*store.all()]) == 1
    shutil.rmtree(run.folder)
    assert store.find(KEY) is None
    assert not [*store.all()]


def test_a_failed_publish_leaves_the_old_copy(store, monkeypatch):
    run = save_run(store)
    publish(run, store.folders[1])
    with monkeypatch.context() as patch:
        patch.setattr(runs.shutil, "copyfile", failing(shutil.copyfile, Killed()))
        with pytest.raises(Killed):
            publish(run, store.folders[1], weights=True)
    assert [path.name for path in store.folders[1].iterdir()] == [run.folder.name]
    assert not open_run(store.folders[1] / run.folder.name).has_weights


def test_smoke_runs_are_kept_apart():
    smoke = set(runs.store_for(get_profile("smoke")).folders)
    assert not smoke & set(runs.store_for(get_profile("laptop")).folders)
    assert runs.store_for(get_profile("full")).folders[0] == runs.RUNS
    assert all(os.path.isabs(folder) for folder in smoke)
