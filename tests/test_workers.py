"""Tasks in several processes: all done, failures kept apart, nothing left running."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType

import pytest

from fer_utils.errors import RunError
from fer_utils.paths import ROOT
from fer_utils.workers import work_through

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as on Unix")


class Heap:
    """Tasks that are taken in order; what became of them is noted."""

    def __init__(self, *tasks):
        self.tasks, self.ends, self.before = list(tasks), {}, {}

    def __len__(self):
        return len(self.tasks)

    def take(self):
        if self.tasks:
            self.before.get(self.tasks[0], bool)()
        return self.tasks.pop(0) if self.tasks else None

    def settle(self, task, how, text):
        self.ends[task] = (how, text)


def work(task, tell, folder=None):
    """Do what `task` says; run by the workers."""
    if task == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if task == "leave":  # ends well, and then the process dies
        (folder / "pid").write_text(str(os.getpid()))
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGKILL)).start()
    if task == "outlive":
        wait_for(lambda: has_left(folder))
    if task == "threads":
        return "done", os.environ["OMP_NUM_THREADS"]
    if task.startswith("meet"):  # ends only if another does the same at the same time
        (folder / task).touch()
        return "done" if wait_for(lambda: len(list(folder.iterdir())) == 2) else "alone", ""
    if task.startswith("endless"):
        file = folder / task
        try:
            while True:
                file.write_text(str(os.getpid()))
                tell()
                time.sleep(0.05)
        finally:
            file.unlink()
    tell()
    return "done", task.upper()


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def through(*tasks, jobs=2, threads=1, steps=None, **options):
    heap = Heap(*tasks)
    on_step = (lambda: None) if steps is None else (lambda: steps.append(1))
    work_through(heap, work, options, jobs=jobs, threads=threads, on_step=on_step)
    return heap.ends


def test_every_task_is_done_once():
    steps = []
    ends = through(*"abcde", steps=steps)
    assert ends == {task: ("done", task.upper()) for task in "abcde"}
    assert len(steps) == 5


def test_tasks_run_at_the_same_time(tmp_path):
    ends = through("meet 1", "meet 2", folder=tmp_path)
    assert [how for how, _ in ends.values()] == ["done", "done"]


def test_a_worker_that_dies_costs_its_task_only():
    ends = through("a", "die", "b", "c")
    assert ends.pop("die") == ("failed", "its process died (exit code -9)")
    assert set(ends) == set("abc")


def has_left(folder):
    """Tell whether the process of the task `leave` is gone."""
    file = folder / "pid"
    return file.exists() and file.read_text() and gone(int(file.read_text()))


def test_the_death_of_an_idle_worker_costs_the_task_that_it_was_to_get(tmp_path):
    heap = Heap("leave", "lost", "next")
    heap.before["lost"] = lambda: wait_for(lambda: has_left(tmp_path))
    options = {"folder": tmp_path}
    work_through(heap, work, options, jobs=1, threads=1, on_step=lambda: None)
    assert heap.ends["lost"] == ("failed", "its process died (exit code -9)")
    assert heap.ends["next"] == ("done", "NEXT")


def test_an_idle_worker_may_die(tmp_path):
    ends = through("outlive", "leave", folder=tmp_path)
    assert ends == {task: ("done", task.upper()) for task in ("outlive", "leave")}


def test_workers_that_can_not_start_end_it(monkeypatch):
    nowhere = ModuleType("nowhere")  # which the worker can't import
    exec("def work(task, tell): ...", nowhere.__dict__)
    monkeypatch.setitem(sys.modules, "nowhere", nowhere)
    with pytest.raises(RunError, match="a worker can't work"):
        work_through(Heap("a"), nowhere.work, {}, jobs=1, threads=1, on_step=lambda: None)


def test_threads_are_set_before_packages_load(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert through("threads", threads=3)["threads"] == ("done", "3")
    assert "OMP_NUM_THREADS" not in os.environ
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert through("threads", threads=3)["threads"] == ("done", "5")  # the user's word counts


ENDLESS = """
import sys
from pathlib import Path
from test_workers import Heap, work, work_through

if __name__ == "__main__":
    options = {"folder": Path(sys.argv[1])}
    heap = Heap("endless 1", "endless 2")
    work_through(heap, work, options, jobs=2, threads=1, on_step=lambda: None)
"""


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize(
    ("number", "to_all", "code"),
    [
        pytest.param(signal.SIGINT, True, -signal.SIGINT, id="Ctrl-C"),
        pytest.param(signal.SIGTERM, False, 128 + signal.SIGTERM, id="SIGTERM"),
        pytest.param(signal.SIGKILL, False, -signal.SIGKILL, id="SIGKILL"),
    ],
)
def test_nothing_is_left_when_it_is_ended(tmp_path, number, to_all, code):
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS)
    (tmp_path / "tasks").mkdir()
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    process = subprocess.Popen(
        [sys.executable, script, tmp_path / "tasks"],
        env=os.environ | {"PYTHONPATH": path},
        start_new_session=True,
        # who runs the tests in the background may ignore Ctrl-C, and that is inherited
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        files = [tmp_path / "tasks" / f"endless {n}" for n in (1, 2)]
        assert wait_for(lambda: all(file.exists() and file.read_text() for file in files))
        pids = [int(file.read_text()) for file in files]
        (os.killpg if to_all else os.kill)(process.pid, number)
        output, errors = process.communicate(timeout=60)
        assert process.returncode == code
        assert wait_for(lambda: all(gone(pid) for pid in pids))
        assert not [file for file in files if file.exists()]  # they tidied up
        assert output == ""
        assert errors.count("Traceback") == (number == signal.SIGINT)  # no worker's
    finally:
        process.kill() if process.poll() is None else None
