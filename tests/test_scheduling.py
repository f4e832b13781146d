"""What `train` trains: in order of worth, in time, never twice at once, failures kept apart."""

import errno
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from helpers import PROFILE, RECIPE, toy_faces

from fer_utils import cli, experiments, scheduling, train_command
from fer_utils.errors import RunBusy, RunError
from fer_utils.experiments import train_or_load
from fer_utils.files import locked
from fer_utils.paths import ROOT
from fer_utils.run_keys import run_key
from fer_utils.runs import RunStore
from fer_utils.scheduling import Tally, by_worth, pick_jobs, train_all
from fer_utils.training import OutOfTime

DATASET = toy_faces()
ONE_EPOCH = replace(PROFILE, epoch_fraction=0.0)
HERE = pytest.mark.skipif(sys.platform == "win32", reason="no such locks there")


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    monkeypatch.setattr(scheduling, "pick_device", lambda: torch.device("cpu"))


def recipe(name, **fields):
    return replace(RECIPE, name=name, **fields)


# -- one process at a time on one run --------------------------------------------------------


def lock_of(store, recipe=RECIPE, profile=PROFILE, seed=0):
    key = run_key(recipe, profile, DATASET.data_key, seed)
    return store.checkpoint(key).with_suffix(".lock")


HOLD = """
import sys, time
from fer_utils.files import locked

with locked(sys.argv[1]) as ours:
    print(ours, flush=True)
    time.sleep(600)
"""


@HERE
def test_a_lock_has_one_holder_and_dies_with_it(tmp_path):
    path = tmp_path / "new folder" / "x.lock"
    with locked(path) as ours, locked(path) as second:
        assert (ours, second) == (True, False)
        assert path.exists()
    assert not path.exists()
    command = [sys.executable, "-c", HOLD, path]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout.readline() == "True\n"
            with locked(path) as ours:
                assert not ours
        finally:
            other.kill()
        other.wait()
    assert path.exists()  # it had no time to tidy up
    with locked(path) as ours:
        assert ours
    assert not path.exists()


def test_without_locks_everyone_gets_in(tmp_path, monkeypatch):
    monkeypatch.setattr("fer_utils.files.fcntl", None)
    with locked(tmp_path / "x") as first, locked(tmp_path / "x") as second:
        assert first
        assert second


@HERE
def test_a_run_that_another_trains_is_refused(tmp_path, monkeypatch):
    store = RunStore(tmp_path)
    monkeypatch.setattr(experiments, "train", forbid)
    with locked(lock_of(store)), pytest.raises(RunBusy, match="toy, seed 0: another process"):
        train_or_load(RECIPE, DATASET, PROFILE, store=store, progress=False)


def forbid(*arguments, **options):
    raise AssertionError("trained again")


def test_behind_the_lock_the_store_is_looked_at_again(tmp_path, monkeypatch):
    finished = SimpleNamespace(has_weights=True, metrics={"valid": {}, "test": {}})
    found = iter([None, finished])  # the other ended in between
    monkeypatch.setattr(RunStore, "find", lambda *_: next(found))
    monkeypatch.setattr(experiments, "train", forbid)
    run = train_or_load(RECIPE, DATASET, PROFILE, store=RunStore(tmp_path), progress=False)
    assert run is finished
    assert not lock_of(RunStore(tmp_path)).exists()


# -- order and number ------------------------------------------------------------------------


def test_headline_recipes_come_first_then_their_other_seeds():
    recipes = [recipe("a"), recipe("b", headline=True), recipe("c", headline=True), recipe("d")]
    profile = replace(PROFILE, headline_seeds=2, variant_seeds=2)

    def order(*seeds):
        return " ".join(f"{recipe.name}{seed}" for recipe, seed in by_worth(recipes, *seeds))

    assert order(profile) == "b0 c0 b1 c1 a0 d0 a1 d1"
    assert order(profile, [7]) == "b7 c7 a7 d7"


def test_how_many_at_once(monkeypatch):
    monkeypatch.setattr(scheduling, "usable_cores", lambda: 16)
    assert [pick_jobs(runs) for runs in (0, 1, 2, 9)] == [1, 1, 2, 4]
    monkeypatch.setattr(scheduling, "usable_cores", lambda: 2)
    assert pick_jobs(9) == 2
    monkeypatch.setattr(scheduling, "pick_device", lambda: torch.device("cuda"))
    assert pick_jobs(9) == 1


# -- what happens to each run ----------------------------------------------------------------


class Trainer:
    """Stands for `train_or_load`: notes the calls, ends as it is told to."""

    def __init__(self, monkeypatch, **ends):
        self.ends, self.calls = ends, []
        monkeypatch.setattr(scheduling, "train_or_load", self)

    def __call__(self, recipe, *, seed, **options):
        self.calls.append(recipe.name)
        ends = self.ends.get(recipe.name, [])
        if ends and (error := ends.pop(0)) is not None:
            raise error
        return SimpleNamespace(
            folder=SimpleNamespace(name=f"{recipe.name}-s{seed}"),
            metrics={"valid": {"none": {"accuracy": 0.5}}},
            manifest={"seconds": 90.0},
        )


def run_all(tmp_path, *names, **options):
    lines = []
    recipes = [name if not isinstance(name, str) else recipe(name) for name in names]
    options = {"jobs": 1, "store": RunStore(tmp_path), "say": lines.append} | options
    return train_all(recipes, DATASET, PROFILE, **options), lines


def test_a_busy_run_is_tried_again_at_the_end(tmp_path, monkeypatch):
    trainer = Trainer(monkeypatch, a=[RunBusy("x")], c=[RunBusy("x")] * 9)
    tally, lines = run_all(tmp_path, *"abcd")
    assert "".join(trainer.calls) == "abcdac"
    assert tally.trained == ["b seed 0", "d seed 0", "a seed 0"]
    assert tally.busy == ["c seed 0"]
    assert lines[0] == "b-s0: valid 50.00 %, 1.5 min of training"


def test_a_busy_run_is_tried_again_after_a_failure_too(tmp_path, monkeypatch):
    trainer = Trainer(monkeypatch, a=[RunBusy("x")], b=[RunError("y")])
    tally, _ = run_all(tmp_path, *"ab")
    assert "".join(trainer.calls) == "aba"
    assert (tally.trained, tally.failed, tally.busy) == (["a seed 0"], ["b seed 0"], [])


def test_a_run_that_fails_costs_only_itself(tmp_path, monkeypatch):
    Trainer(monkeypatch, a=[RunError("the loss is not finite")], b=[ZeroDivisionError("oh")])
    tally, lines = run_all(tmp_path, *"abc")
    assert tally.failed == ["a seed 0", "b seed 0"]
    assert tally.trained == ["c seed 0"]
    assert lines[0] == "a seed 0 failed: the loss is not finite"
    assert "Traceback" in lines[1]  # a mistake of ours: show where
    assert "oh" in lines[1]


def test_a_full_disk_ends_all(tmp_path, monkeypatch):
    trainer = Trainer(monkeypatch, a=[OSError(errno.ENOSPC, "No space left on device")])
    with pytest.raises(OSError, match="No space left"):
        run_all(tmp_path, *"ab")
    assert trainer.calls == ["a"]


def test_out_of_time(tmp_path, monkeypatch):
    trainer = Trainer(monkeypatch, b=[OutOfTime("b: 1 of 3 epochs done")])
    tally, _ = run_all(tmp_path, *"abcd")
    assert trainer.calls == ["a", "b"]
    assert (tally.trained, tally.out_of_time) == (["a seed 0"], ["b: 1 of 3 epochs done"])
    assert tally.left == ["c seed 0", "d seed 0"]
    tally, _ = run_all(tmp_path, *"ab", deadline=time.monotonic() - 1)
    assert tally.left == ["a seed 0", "b seed 0"]
    assert len(trainer.calls) == 2


def test_a_student_waits_for_its_teacher(tmp_path, monkeypatch):
    def teacher_runs(recipe, profile, data_key):
        return {(name, 0): "key" for name in recipe.teacher}

    monkeypatch.setattr(scheduling, "teacher_runs", teacher_runs)
    monkeypatch.setattr(scheduling, "run_key", lambda recipe, *_: recipe.name)
    student = recipe("student", teacher=("a", "b"))
    trainer = Trainer(monkeypatch, a=[RunBusy("x")])
    run_all(tmp_path, student, *"abc")
    assert trainer.calls[-1] == "student"
    Trainer(monkeypatch, a=[RunBusy("x")] * 9)
    tally, _ = run_all(tmp_path, student, *"ab")
    assert (tally.busy, tally.left) == (["a seed 0"], ["student seed 0"])


def test_what_is_stored_is_left_alone(tmp_path, monkeypatch):
    first, _ = run_all(tmp_path, "a", progress=False)
    folders = sorted(path.name for path in tmp_path.iterdir())
    assert first.trained == ["a seed 0"]
    monkeypatch.setattr(experiments, "train", forbid)
    tally, lines = run_all(tmp_path, "a")
    assert tally == Tally(there=["a seed 0"])
    assert lines == []
    (tmp_path / folders[0] / "metrics.json").write_text("{}")
    tally, lines = run_all(tmp_path, "a")
    assert tally.failed == ["a seed 0"]
    assert "damaged" in lines[0]


@HERE
def test_several_at_once(tmp_path):
    """Real workers: one run fails, one is another's, the rest is trained."""
    store = RunStore(tmp_path)
    recipes = [
        recipe("good", learning_rate=0.01),
        recipe("bad", augmentation="none such"),
        recipe("taken", learning_rate=0.03),
        recipe("fine", learning_rate=0.04),
    ]
    lines = []
    with locked(lock_of(store, recipes[2], ONE_EPOCH)):
        tally = train_all(recipes, DATASET, ONE_EPOCH, store=store, jobs=2, say=lines.append)
    assert sorted(tally.trained) == ["fine seed 0", "good seed 0"]
    assert (tally.failed, tally.busy) == (["bad seed 0"], ["taken seed 0"])
    assert [line.split()[0] for line in sorted(lines)] == [
        "bad",
        *sorted(f"{run.folder.name}:" for run in store.all()),
    ]
    assert list((tmp_path / "unfinished").iterdir()) == []


ENDLESS = """
import sys
from dataclasses import replace
from pathlib import Path
from helpers import PROFILE, RECIPE, toy_faces
from fer_utils.runs import RunStore
from fer_utils.scheduling import train_all

if __name__ == "__main__":
    recipes = [replace(RECIPE, name=name, epochs=10**6, learning_rate=rate)
               for name, rate in (("a", 0.01), ("b", 0.02))]
    store = RunStore(Path(sys.argv[1]))
    train_all(recipes, toy_faces(), PROFILE, store=store, jobs=int(sys.argv[2]))
"""


@HERE
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_leaves_checkpoints_and_nothing_else(tmp_path, jobs):
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS)
    folder = tmp_path / "runs" / "unfinished"
    process = subprocess.Popen(
        [sys.executable, script, tmp_path / "runs", str(jobs)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        start_new_session=True,
        # who runs the tests in the background may ignore Ctrl-C, and that is inherited
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        end = time.monotonic() + 120
        while len(list(folder.glob("[!.]*.pt"))) < jobs and time.monotonic() < end:
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)
        errors = process.communicate(timeout=60)[1]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in errors
    assert [path.suffix for path in folder.iterdir()] == [".pt"] * jobs


# -- the command -----------------------------------------------------------------------------


@pytest.fixture
def command(monkeypatch):
    """Run `train` with a `train_all` that returns a given tally; return exit code and options."""

    def run(tally, *arguments):
        seen = {}

        def stand_in(recipes, dataset, profile, **options):
            seen.update(options, recipes=[recipe.name for recipe in recipes])
            return tally

        monkeypatch.setattr(train_command, "train_all", stand_in)
        monkeypatch.setattr(train_command, "load_source", lambda *_: DATASET)
        return cli.main(["train", "--profile", "smoke", *arguments]), seen

    return run


def test_the_command_names_what_failed(command, capsys):
    tally = Tally(trained=["a seed 0"], failed=["b seed 1"])
    assert command(tally, "cs230_baseline")[0] == 1
    assert "error: b seed 1 failed" in capsys.readouterr().err


def test_the_command_says_what_is_open(command, capsys, monkeypatch):
    clock = iter([0.0, 0.0, 2.0])  # at the start, before the data are read, at the end
    monkeypatch.setattr(train_command, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    code, seen = command(
        Tally(out_of_time=["a: 1 of 3 epochs done"], left=["c", "d"], busy=["b seed 0"]),
        *("cs230_baseline", "--budget", "1", "--jobs", "3"),
    )
    output = capsys.readouterr().out
    assert code == 0
    assert "out of time (a: 1 of 3 epochs done; 2 runs not begun)" in output
    assert "another process trains b seed 0" in output
    assert (seen["recipes"], seen["jobs"]) == (["cs230_baseline"], 3)
    assert seen["deadline"] == 1.0


def test_jobs_is_auto_or_a_number(command, capsys):
    assert command(Tally())[1]["jobs"] is None
    assert command(Tally(), "--jobs", "auto")[1]["jobs"] is None
    for wrong in ("0", "-1", "many"):
        with pytest.raises(SystemExit):
            command(Tally(), f"--jobs={wrong}")
    assert "neither auto nor a number" in capsys.readouterr().err


def test_the_list_trains_nothing(command, capsys, monkeypatch):
    monkeypatch.setattr(train_command, "is_there", lambda pair, *_: pair[1] == 1)
    code, seen = command(Tally(), "cs230_baseline", "--seeds", "0", "1", "--list")
    assert (code, seen) == (0, {})
    assert capsys.readouterr().out.splitlines()[1:] == [
        "missing  cs230_baseline seed 0",
        "there    cs230_baseline seed 1",
    ]
