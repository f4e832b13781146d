"""Training: it learns, it resumes bit for bit, and it refuses what it can't do."""

import errno
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import RECIPE, TinyNet, toy_faces, weights_hash, without_seconds
from sklearn.utils.class_weight import compute_class_weight
from torch import nn

from fer_utils import models
from fer_utils.balancing import class_weights
from fer_utils.errors import ConfigError, DataError, RunError
from fer_utils.paths import ROOT
from fer_utils.training import OutOfTime, Session, Trained, loop, train
from fer_utils.training.optimization import WeightAverage

DATASET = toy_faces()
EPOCHS = 3


pytestmark = pytest.mark.usefixtures("one_thread")


def run(recipe=RECIPE, dataset=DATASET, epochs=EPOCHS, seed=0, **options) -> Trained:
    parts = dataset.part("train"), dataset.part("valid")
    options = {"device": torch.device("cpu"), "progress": False} | options
    return train(recipe, *parts, epochs=epochs, seed=seed, **options)


def session(recipe=RECIPE, dataset=DATASET, epochs=EPOCHS) -> Session:
    parts = dataset.part("train"), dataset.part("valid")
    return Session(recipe, *parts, epochs, 0, torch.device("cpu"))


def same(first: Trained, second: Trained) -> bool:
    return (
        weights_hash(first.model) == weights_hash(second.model)
        and without_seconds(first.history) == without_seconds(second.history)
        and first.best_epoch == second.best_epoch
    )


@pytest.fixture(scope="module")
def unbroken() -> Trained:
    torch.set_num_threads(1)
    return run()


# -- learning ---------------------------------------------------------------------------------


def test_one_step_lowers_the_loss_on_its_batch():
    recipe = replace(RECIPE, augmentation="none", ema_decay=0.0, learning_rate=0.005)
    here = session(recipe)
    for module in here.model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    # the very first step of the schedule is tiny: give it its highest rate
    for group in here.optimizer.param_groups:
        group["lr"] = recipe.learning_rate
    here.model.train()
    batch = torch.arange(16)
    first, _ = here.step(batch)
    second, _ = here.step(batch)
    assert second < first


def test_it_learns_well_above_chance():
    trained = run(replace(RECIPE, augmentation="none", ema_decay=0.9), epochs=8)
    best = max(row["valid_accuracy"] for row in trained.history)
    assert best > 0.7  # chance: 0.14
    assert trained.history[-1]["train_loss"] < trained.history[0]["train_loss"]


def test_history_and_best_epoch(unbroken):
    assert [row["epoch"] for row in unbroken.history] == [1, 2, 3]
    accuracies = [row["valid_accuracy"] for row in unbroken.history]
    assert unbroken.best_epoch == 1 + int(np.argmax(accuracies))  # the first of equals
    assert unbroken.history[-1]["learning_rate"] < 0.01 * RECIPE.learning_rate
    assert unbroken.seconds == pytest.approx(sum(row["seconds"] for row in unbroken.history))
    for row in unbroken.history:
        assert 0 <= row["train_accuracy"] <= 1
        assert (row["valid_accuracy"] * 28) % 1 == pytest.approx(0, abs=1e-9)


def test_the_weights_are_those_of_the_best_epoch(monkeypatch):
    seen = []
    looks = iter([(1.0, 0.2), (1.0, 0.9), (1.0, 0.9), (1.0, 0.5)])

    def look(self):
        judged = {name: value.clone() for name, value in self._state().items()}
        seen.append(judged)
        return next(looks)

    monkeypatch.setattr(Session, "_look_at_valid", look)
    trained = run(epochs=4)
    assert trained.best_epoch == 2
    kept = trained.model.state_dict()
    floats = [name for name, value in kept.items() if value.is_floating_point()]
    assert all(torch.equal(kept[name], seen[1][name]) for name in floats)
    assert not all(torch.equal(kept[name], seen[2][name]) for name in floats)


def test_seed_decides_and_global_state_does_not(unbroken):
    torch.manual_seed(99)
    torch.rand(7)
    assert same(run(), unbroken)
    assert not same(run(seed=1), unbroken)


def test_average_converges_to_constant_weights():
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    average = WeightAverage(model, 0.5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    average.update()
    expected = model[0].weight - 2 / 11  # the first step keeps 2/11 of the old weights
    assert torch.allclose(average.values["0.weight"], expected)
    for _ in range(60):
        average.update()
    for name, value in model.state_dict().items():
        assert torch.allclose(average.values[name].float(), value.float(), atol=1e-6)


def test_average_follows_slowly_in_the_end():
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    average = WeightAverage(model, 0.99)
    average.step = 10_000
    nn.init.ones_(model.weight)
    average.update()
    assert average.values["weight"].item() == pytest.approx(0.01)


@pytest.mark.parametrize(
    "change",
    [
        {"balancing": "class_weights"},
        {"augmentation": "none"},
        {"label_smoothing": 0.1},
        {"weight_decay": 0.1},
        {"ema_decay": 0.0},
        {"normalization": "image"},
    ],
    ids=str,
)
def test_each_setting_has_an_effect(change):
    rare = np.where(np.arange(len(DATASET)) < 14, DATASET.labels, 0)  # two images of each but 0
    dataset = replace(DATASET, labels=rare)
    plain, changed = (run(r, dataset, epochs=1) for r in (RECIPE, replace(RECIPE, **change)))
    assert not same(plain, changed)


def test_class_weights_are_scikit_learns_and_average_one_per_image():
    labels = np.array([0] * 6 + [1] * 3 + [2])
    weights = class_weights(labels, 3)
    assert weights.dtype == np.float32
    assert weights == pytest.approx([10 / 18, 10 / 9, 10 / 3])
    theirs = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    assert weights == pytest.approx(theirs)
    assert weights[labels].mean() == pytest.approx(1)
    with pytest.raises(DataError, match=r"none of \[3\] in train"):
        class_weights(labels, 4)


@pytest.mark.parametrize("normalization", models.NORMALIZATIONS)
def test_the_train_pixels_are_measured_where_they_count(monkeypatch, normalization):
    monkeypatch.setitem(models.MODELS, "tiny", TinyNet)
    wanted = replace(RECIPE, model="tiny", normalization=normalization)
    built = []

    def build(name, *, mean, std, **options):
        built.append((mean, std))
        return models.build_model(name, mean=mean, std=std, **options)

    monkeypatch.setattr("fer_utils.training.session.build_model", build)
    session(wanted)
    state = [
        models.build_model("tiny", num_classes=7, image_size=16, normalization=normalization,
                           mean=mean, std=std)[0].state_dict()
        for mean, std in ((0.0, 1.0), (0.2, 0.3))
    ]  # fmt: skip
    used = any(not torch.equal(state[0][name], state[1][name]) for name in state[0])
    real = DATASET.part("train").images.astype(np.float64) / 255
    expected = (real.mean(), real.std()) if used else (0.0, 1.0)
    assert built == [pytest.approx(expected)]


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_the_shortest_trainings_work(monkeypatch, steps):
    monkeypatch.setitem(models.MODELS, "tiny", TinyNet)
    dataset = toy_faces(train=16 * steps, valid=7, test=7)
    trained = run(replace(RECIPE, model="tiny"), dataset, epochs=1)
    assert len(trained.history) == 1


# -- resuming ---------------------------------------------------------------------------------


class Killed(BaseException):
    pass


@pytest.mark.parametrize("after", [1, 2, 3])
def test_resuming_after_a_kill_is_the_unbroken_run(tmp_path, unbroken, after):
    checkpoint = tmp_path / "unfinished" / "key.pt"

    def kill(row):
        if row["epoch"] == after:
            raise Killed

    with pytest.raises(Killed):
        run(checkpoint=checkpoint, on_epoch=kill)
    epochs = []
    resumed = run(checkpoint=checkpoint, on_epoch=lambda row: epochs.append(row["epoch"]))
    assert epochs == list(range(after + 1, EPOCHS + 1))
    assert same(resumed, unbroken)


def test_resuming_after_every_epoch_is_the_unbroken_run(tmp_path, unbroken, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(loop.time, "monotonic", lambda: clock[0])

    def tick(row):
        clock[0] += 1

    pauses = 0
    while True:
        try:
            deadline = clock[0] + 0.5  # time for one epoch
            resumed = run(checkpoint=tmp_path / "a.pt", deadline=deadline, on_epoch=tick)
            break
        except OutOfTime:
            pauses += 1
    assert pauses == EPOCHS - 1
    assert same(resumed, unbroken)


def test_a_pause_between_checkpoints_loses_nothing_at_the_deadline(tmp_path, unbroken, monkeypatch):
    monkeypatch.setitem(loop.SECONDS_BETWEEN_CHECKPOINTS, "cpu", 1_000)
    clock = [0.0]
    monkeypatch.setattr(loop.time, "monotonic", lambda: clock[0])
    checkpoint = tmp_path / "a.pt"

    def tick(row):
        assert not checkpoint.exists()
        clock[0] += 1

    with pytest.raises(OutOfTime, match="2 of 3 epochs done"):
        run(checkpoint=checkpoint, deadline=1.5, on_epoch=tick)
    epochs = []
    resumed = run(checkpoint=checkpoint, on_epoch=lambda row: epochs.append(row["epoch"]))
    assert epochs == [3]
    assert same(resumed, unbroken)


def test_resuming_takes_as_many_threads_as_before(tmp_path, unbroken):
    with pytest.raises(Killed):
        run(checkpoint=tmp_path / "a.pt", on_epoch=lambda row: (_ for _ in ()).throw(Killed))
    torch.set_num_threads(2)
    seen = []
    resumed = run(
        checkpoint=tmp_path / "a.pt", on_epoch=lambda row: seen.append(torch.get_num_threads())
    )
    assert seen == [1, 1]
    assert resumed.threads == 1
    assert torch.get_num_threads() == 2  # for what comes next
    assert same(resumed, unbroken)


def test_a_checkpoint_of_more_threads_than_cores(tmp_path, monkeypatch):
    with pytest.raises(Killed):
        run(checkpoint=tmp_path / "a.pt", on_epoch=lambda row: (_ for _ in ()).throw(Killed))
    torch.set_num_threads(2)
    monkeypatch.setattr("fer_utils.hardware.usable_cores", lambda: 0)
    assert run(checkpoint=tmp_path / "a.pt").threads == 2


def test_the_code_of_each_part_is_kept(tmp_path):
    def kill(row):
        raise Killed

    codes = [{"commit": name, "dirty": name == "b"} for name in "aab"]
    for code in codes[:2]:
        with pytest.raises(Killed):
            run(checkpoint=tmp_path / "a.pt", code=code, on_epoch=kill)
    assert run(checkpoint=tmp_path / "a.pt", code=codes[2]).code == codes[1:]
    assert run(epochs=1, code=codes[0]).code == codes[:1]
    assert run(epochs=1).code == []


def test_an_older_checkpoint_says_neither_threads_nor_code(tmp_path, unbroken):
    checkpoint = tmp_path / "a.pt"
    with pytest.raises(Killed):
        run(checkpoint=checkpoint, on_epoch=lambda row: (_ for _ in ()).throw(Killed))
    state = torch.load(checkpoint, weights_only=True)
    del state["threads"], state["code"]
    torch.save(state, checkpoint)
    resumed = run(checkpoint=checkpoint, code={"commit": "new", "dirty": False})
    assert resumed.code == [{"commit": ""}, {"commit": "new", "dirty": False}]
    assert same(resumed, unbroken)


def test_without_averaging_too(tmp_path):
    recipe = replace(RECIPE, ema_decay=0.0, balancing="class_weights")
    with pytest.raises(Killed):
        run(
            recipe, checkpoint=tmp_path / "a.pt", on_epoch=lambda row: (_ for _ in ()).throw(Killed)
        )
    assert same(run(recipe, checkpoint=tmp_path / "a.pt"), run(recipe))


def test_a_deadline_in_the_past(tmp_path, unbroken):
    checkpoint = tmp_path / "a.pt"
    with pytest.raises(OutOfTime, match="toy: 0 of 3 epochs done"):
        run(checkpoint=checkpoint, deadline=0.0)
    assert not checkpoint.exists()
    with pytest.raises(Killed):
        run(checkpoint=checkpoint, on_epoch=lambda row: (_ for _ in ()).throw(Killed))
    before = checkpoint.read_bytes()
    with pytest.raises(OutOfTime, match="toy: 1 of 3 epochs done"):
        run(checkpoint=checkpoint, deadline=0.0)
    assert checkpoint.read_bytes() == before
    assert same(run(checkpoint=checkpoint), unbroken)
    assert same(run(checkpoint=checkpoint, deadline=0.0), unbroken)  # nothing is left to do


CHILD = """
import os, signal, sys
import torch
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_training import run
torch.set_num_threads(1)
save, count = torch.save, 0
def save_half(state, path):
    global count
    count += 1
    save(state, path)
    if count == 2:
        os.truncate(path, os.path.getsize(path) // 2)
        os.kill(os.getpid(), signal.SIGKILL)
torch.save = save_half
run(checkpoint=Path(sys.argv[2]))
"""


def test_resuming_after_sigkill_in_the_middle_of_writing(tmp_path, unbroken):
    checkpoint = tmp_path / "a.pt"
    command = [sys.executable, "-c", CHILD, str(Path(__file__).parent), str(checkpoint)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    epochs = []
    resumed = run(checkpoint=checkpoint, on_epoch=lambda row: epochs.append(row["epoch"]))
    assert epochs == [2, 3]
    assert same(resumed, unbroken)


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path, unbroken, monkeypatch):
    checkpoint, save = tmp_path / "a.pt", torch.save

    def fail_in_epoch_2(state, path):
        if len(state["history"]) == 2:
            Path(path).write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(state, path)

    monkeypatch.setattr(loop.torch, "save", fail_in_epoch_2)
    with pytest.raises(OSError, match="No space left"):
        run(checkpoint=checkpoint)
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]
    monkeypatch.setattr(loop.torch, "save", save)
    assert same(run(checkpoint=checkpoint), unbroken)


@pytest.mark.parametrize("damage", ["empty", "half", "garbage", "other", "pickle"])
def test_a_damaged_checkpoint(tmp_path, damage):
    checkpoint = tmp_path / "a.pt"
    with pytest.raises(Killed):
        run(checkpoint=checkpoint, on_epoch=lambda row: (_ for _ in ()).throw(Killed))
    whole = checkpoint.read_bytes()
    if damage == "other":
        torch.save({"model": {}}, checkpoint)
    elif damage == "pickle":
        torch.save({"model": Path("x")}, checkpoint)  # may not run code
    else:
        parts = {"empty": b"", "half": whole[: len(whole) // 2], "garbage": b"x" * 1000}
        checkpoint.write_bytes(parts[damage])
    with pytest.raises(RunError, match=r"a\.pt: the checkpoint can't be read \(\w+\); delete it"):
        run(checkpoint=checkpoint)


def test_a_checkpoint_of_another_net(tmp_path):
    with pytest.raises(Killed):
        run(checkpoint=tmp_path / "a.pt", on_epoch=lambda row: (_ for _ in ()).throw(Killed))
    with pytest.raises(RunError, match=r"a\.pt"):
        run(replace(RECIPE, model="baseline"), checkpoint=tmp_path / "a.pt")


# -- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "field",
    [
        *("model", "cleaning", "balancing", "initial_weights", "augmentation", "normalization"),
        *("loss", "optimizer", "schedule"),
    ],
)
def test_unknown_names(field):
    with pytest.raises(ConfigError, match=f"unknown {field} 'nonsense'; known: "):
        run(replace(RECIPE, **{field: "nonsense"}))


def test_unknown_tta_is_found_before_training():
    with pytest.raises(ConfigError, match="unknown test-time augmentation 'ten'"):
        run(replace(RECIPE, tta=("none", "ten")))


@pytest.mark.parametrize("warmup", [0.0, 1.0, -1.0, 2.0])
def test_warmup_out_of_range(warmup):
    with pytest.raises(ConfigError, match="warmup must lie between 0 and 1"):
        run(replace(RECIPE, warmup=warmup))


@pytest.mark.parametrize("split", ["train", "valid"])
def test_a_part_without_images(split):
    with pytest.raises(DataError, match=f"no {split} images"):
        run(dataset=toy_faces(**{split: 0}))


class Broken(TinyNet):
    def forward(self, images):
        return super().forward(images) * (float("nan") if self.training else 1.0)


@pytest.mark.parametrize("rate", [1e30, float("nan")])
def test_a_loss_that_is_not_finite(tmp_path, monkeypatch, rate):
    if rate != rate:
        monkeypatch.setitem(models.MODELS, "tiny", Broken)
        recipe = replace(RECIPE, model="tiny")
    else:  # one step breaks the weights: only the look at valid shows it
        monkeypatch.setitem(models.MODELS, "tiny", TinyNet)
        recipe = replace(RECIPE, model="tiny", learning_rate=rate, batch_size=70, ema_decay=0.0)
    with pytest.raises(RunError, match=r"toy, seed 0: the loss is not finite in epoch \d; lower"):
        run(recipe, checkpoint=tmp_path / "a.pt", epochs=3)
