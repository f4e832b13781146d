"""Speed runs: what counts as reached, what the clock covers, and a table that never guesses."""

import csv
import math
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest

from fer_utils.errors import DataError
from fer_utils.models import MODELS
from fer_utils.paths import ROOT
from fer_utils.training import refuse_unknown
from tests.helpers import RECIPE, toy_faces

TARGETS = [66.3, 70.0, 73.0]


@pytest.fixture
def speedrun(monkeypatch):
    """Return the script as a module."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import speedrun

    return speedrun


def run(accuracy, passed, seconds=100.0):
    return {
        "accuracy": accuracy,
        "seconds": seconds,
        "seconds_training": seconds - 10,
        "passed": passed,
    }


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_smoke_run_fills_its_row_and_no_other(speedrun, tmp_path, capsys):
    path = tmp_path / "new" / "speedrun.csv"
    speedrun.main(["--smoke", "--seeds", "1", "--threads", "1", "--output", str(path)])
    first, *others = read(path)
    assert tuple(first) == speedrun.COLUMNS
    assert (first["target"], first["reached"], first["dataset"]) == ("1.0", "yes", "synthetic")
    assert (first["epochs"], first["seeds"], first["threads"]) == ("1", "1", "1")
    assert first["changes"] == "batch_size=16"
    assert first["valid_accuracy_std"] == ""  # there is none of one seed
    assert float(first["valid_accuracy"]) >= 1
    # the clock began before the process did: imports and data are in, too
    passed, whole = float(first["seconds_to_first_pass"]), float(first["seconds"])
    assert 0 <= float(first["seconds_training"]) < passed <= whole
    assert len(others) == len(speedrun.ENTRIES)
    assert {row["reached"] for row in others} == {"not measured"}
    assert {row["seconds"] + row["valid_accuracy"] + row["hardware"] for row in others} == {""}
    printed = capsys.readouterr().out
    for text in ("target met", "not measured", "saved:", "se_resnet34"):
        assert text in printed


def test_the_mean_of_the_final_accuracies_decides(speedrun):
    entry = speedrun.ENTRIES[0]
    # two of three seeds end above the target, and all pass it on their way: not reached
    runs = [run(66.4, 60.0), run(66.4, 70.0, 110.0), run(66.0, 80.0, 120.0)]
    row = speedrun.measured_row(entry, runs)
    assert row["reached"] == "no"
    assert (row["valid_accuracy"], row["valid_accuracy_std"]) == (66.267, 0.231)
    assert (row["seconds"], row["seconds_training"]) == (110.0, 100.0)
    assert (row["seconds_to_first_pass"], row["seeds_passed"]) == (70.0, 3)
    assert speedrun.measured_row(entry, [run(66.2, 50.0), run(66.4, 50.0)])["reached"] == "yes"


def test_rounding_lifts_nothing_over_the_target(speedrun):
    row = speedrun.measured_row(speedrun.ENTRIES[0], [run(66.2999, 50.0)])
    assert (row["valid_accuracy"], row["reached"]) == (66.3, "no")


def test_no_time_of_the_first_pass_when_a_seed_never_passes(speedrun):
    row = speedrun.measured_row(speedrun.ENTRIES[0], [run(67.0, 50.0), run(66.0, math.inf)])
    assert (row["seconds_to_first_pass"], row["seeds_passed"]) == ("", 1)


def test_the_final_number_counts_not_the_best_and_test_is_not_taken(speedrun, monkeypatch):
    faces, taken, entry = toy_faces(), [], speedrun.ENTRIES[0]

    class Faces:
        def part(self, split):
            taken.append(split)
            return faces.part(split)

    def train(recipe, train_part, valid_part, *, epochs, seed, device, on_epoch):
        rows = [{"valid_accuracy": a, "seconds": 1.0} for a in (0.5, 0.72, 0.69)]
        assert (len(train_part), len(valid_part), seed) == (70, 28, 4)
        assert epochs == entry.recipe.epochs
        for number, row in enumerate(rows):
            clock[0] = 50.0 + 10 * number
            on_epoch(row)
        clock[0] = 75.0
        return SimpleNamespace(history=rows, seconds=3.0)

    clock = [0.0]
    monkeypatch.setattr(speedrun, "load_fer2013", lambda cache: Faces())
    monkeypatch.setattr(speedrun, "train", train)
    monkeypatch.setattr(speedrun.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(speedrun.torch, "set_num_threads", lambda threads: None)
    result = speedrun.timed_run(entry, 4, 1, "fer2013", started=15.0)
    assert result["accuracy"] == pytest.approx(69.0)
    assert (result["passed"], result["seconds"]) == (45.0, 60.0)
    assert result["seconds_training"] == 3.0
    assert taken == ["train", "valid"]


class Ended(BaseException):
    pass


@pytest.mark.parametrize("alive", [True, False])
def test_a_run_that_nobody_waits_for_ends_with_its_epoch(speedrun, monkeypatch, alive):
    entry = replace(speedrun.smoke_entry(), recipe=replace(RECIPE, epochs=3))
    ends, parts = [], (toy_faces().part("train"), toy_faces().part("valid"))

    def end(status):
        ends.append(status)
        raise Ended

    starter = SimpleNamespace(is_alive=lambda: alive)
    monkeypatch.setattr(speedrun.multiprocessing, "parent_process", lambda: starter)
    monkeypatch.setattr(speedrun.os, "_exit", end)
    monkeypatch.setattr(speedrun, "load_parts", lambda dataset: parts)
    with nullcontext() if alive else pytest.raises(Ended):
        speedrun.timed_run(entry, 0, 1, "toy", started=0.0)
    assert ends == ([] if alive else [1])


def test_a_later_row_replaces_its_own_only(speedrun, tmp_path):
    path = tmp_path / "speedrun.csv"
    cpu, gpu = (next(e for e in speedrun.ENTRIES if e.device == d) for d in ("cpu", "cuda"))
    speedrun.write_rows(path, [speedrun.measured_row(cpu, [run(60.0, math.inf)])])
    gpu_row = speedrun.measured_row(gpu, [run(67.0, 9.0)])
    speedrun.write_rows(path, [*speedrun.read_rows(path), gpu_row])
    cpu_row = speedrun.measured_row(cpu, [run(68.0, 50.0)])
    speedrun.write_rows(path, [*speedrun.read_rows(path), cpu_row])
    measured = {row["device"]: row for row in speedrun.read_rows(path)}
    assert {device: row["valid_accuracy"] for device, row in measured.items()} == {
        "cpu": "68.0",
        "cuda": "67.0",
    }
    targets = [float(row["target"]) for row in read(path)]
    assert targets == sorted(2 * TARGETS)


def test_every_target_has_an_entry_for_each_device_that_can_be_trained(speedrun):
    found = sorted((entry.target, entry.device) for entry in speedrun.ENTRIES)
    assert found == [(target, device) for target in TARGETS for device in ("cpu", "cuda")]
    for entry in speedrun.ENTRIES:
        refuse_unknown(entry.recipe)
        assert entry.recipe.model in MODELS
        assert not entry.recipe.teacher, "a teacher's training would not be on the clock"


def test_epochs_of_the_command_line_are_those_of_the_run(speedrun, tmp_path, monkeypatch):
    seen = []

    def run_apart(entry, seed, threads, dataset):
        seen.append((entry.target, entry.recipe.epochs, seed, dataset))
        return run(67.0, 50.0)

    monkeypatch.setattr(speedrun, "run_apart", run_apart)
    monkeypatch.setattr(speedrun, "find_fer2013", lambda: tmp_path)
    path = tmp_path / "speedrun.csv"
    options = ["--target", "66.3", "--seeds", "2", "--epochs", "7", "--output", str(path)]
    speedrun.main(options)
    assert seen == [(66.3, 7, 0, "fer2013"), (66.3, 7, 1, "fer2013")]
    (row,) = speedrun.read_rows(path)
    assert (row["epochs"], row["seeds"], row["reached"]) == ("7", "2", "yes")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--target", "99"], "has 66.3, 70, 73"),
        (["--seeds", "0"], "must be 1 or more"),
        (["--epochs", "0"], "must be 1 or more"),
        (["--smoke"], "needs an --output"),
    ],
)
def test_wrong_options_are_named(speedrun, capsys, options, message):
    with pytest.raises(SystemExit):
        speedrun.main(options)
    assert message in capsys.readouterr().err


def test_a_foreign_table_is_refused_before_the_run(speedrun, tmp_path, monkeypatch):
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    monkeypatch.setattr(speedrun, "run_apart", lambda *_: pytest.fail("it ran"))
    with pytest.raises(DataError, match=r"other\.csv"):
        speedrun.main(["--smoke", "--output", str(path)])
    assert path.read_text() == "a,b\n1,2\n"


def test_what_an_entry_changes_is_said(speedrun):
    entry = speedrun.ENTRIES[0]
    recipe = replace(speedrun.get_recipe("small"), ema_decay=0.9, epochs=3)
    row = speedrun.plan_row(replace(entry, recipe=recipe))
    assert (row["recipe"], row["changes"], row["epochs"]) == ("small", "ema_decay=0.9", 3)
    assert row["reached"] == "not measured"
