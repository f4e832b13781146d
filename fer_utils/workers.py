"""Several processes that work through one list of tasks; none of them is left at the end.

One process hands out the tasks and hears how they ended.  A task that fails, or whose process
dies, costs that task and not the others.  Ctrl-C ends all: the workers do not hear it, they are
told.  If the handing process is killed, each worker ends when it next tells something.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Protocol

from fer_utils.errors import RunError

_SECONDS_TO_END = 10  # until a worker that was asked to end is made to


class Tasks(Protocol):
    """What `work_through` works through."""

    def __len__(self) -> int:
        """Return how many tasks wait."""

    def take(self) -> object | None:
        """Return a task to begin now, or None if there is none."""

    def settle(self, task: object, how: str, text: str) -> None:
        """Hear how a task ended; "failed" if its process died.  It may let more tasks wait."""


@dataclass
class _Worker:
    process: BaseProcess
    ready: bool = False  # its packages are loaded
    task: object | None = None  # what it works on


def work_through(
    tasks: Tasks,
    function: Callable[..., tuple[str, str]],
    options: dict[str, object],
    *,
    jobs: int,
    threads: int,
    on_step: Callable[[], object],
) -> None:
    """Call `function(task, tell=..., **options)` in `jobs` processes until no task is left.

    function: at the top level of a module; it returns how the task ended and a text, and calls
    `tell()` at times, which calls `on_step` here.  threads: of each process, unless the
    environment's OMP_NUM_THREADS says otherwise.

    Raises RunError when a process ends before it is ready, and whatever `tasks` raise; all
    processes have ended then, too.
    """
    workers: dict[Connection, _Worker] = {}
    with _on_signal(signal.SIGTERM, _exit):
        try:
            while True:
                _hand_out(tasks, workers)
                busy = sum(worker.task is not None for worker in workers.values())
                if not len(tasks) and not busy:
                    return
                for _ in range(min(jobs, busy + len(tasks)) - len(workers)):
                    pipe, process = _start(function, threads)
                    workers[pipe] = _Worker(process)
                for pipe in wait(list(workers)):
                    _listen(pipe, workers, tasks, options, on_step)
        finally:
            _end(workers)


def _hand_out(tasks: Tasks, workers: dict[Connection, _Worker]) -> None:
    for pipe, worker in list(workers.items()):
        if worker.ready and worker.task is None:
            worker.task = tasks.take()
            if worker.task is not None:
                try:
                    pipe.send(worker.task)
                except OSError:
                    _bury(pipe, workers, tasks)


def _bury(pipe: Connection, workers: dict[Connection, _Worker], tasks: Tasks) -> None:
    """Drop a worker whose process died; its task, if it has one, failed."""
    worker = workers.pop(pipe)
    pipe.close()
    worker.process.join()
    died = f"its process died (exit code {worker.process.exitcode})"
    if worker.task is not None:
        tasks.settle(worker.task, "failed", died)
    elif not worker.ready:  # the next would do no better
        raise RunError(f"a worker can't work: {died}; try `--jobs 1`")


def _listen(pipe: Connection, workers: dict, tasks: Tasks, options: dict, on_step) -> None:
    """Take in one message of a worker, or its death."""
    worker = workers[pipe]
    try:
        how, text = pipe.recv()
        if how == "ready":
            pipe.send(options)
    except (EOFError, ConnectionError):
        _bury(pipe, workers, tasks)
        return
    if how == "ready":
        worker.ready = True
    elif how == "step":
        on_step()
    else:
        task, worker.task = worker.task, None
        tasks.settle(task, how, text)


def _start(function: Callable, threads: int) -> tuple[Connection, BaseProcess]:
    """Start a worker; return our end of its pipe, and its process."""
    spawn = get_context("spawn")  # a forked process can use neither CUDA nor OpenMP
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_work, args=(theirs, function), daemon=True)
    given = "OMP_NUM_THREADS" in os.environ
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, threads)))  # read when torch is loaded
    try:
        with _on_signal(signal.SIGINT, signal.SIG_IGN):  # the worker inherits that
            process.start()
    finally:
        if not given:
            del os.environ["OMP_NUM_THREADS"]
    theirs.close()  # so that a dead worker's pipe is seen to end
    return ours, process


def _work(pipe: Connection, function: Callable) -> None:
    """Be a worker: do what comes through `pipe` until it is closed; tidy up at SIGTERM."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _exit)
    try:
        pipe.send(("ready", ""))
        options = pipe.recv()
        while True:
            task = pipe.recv()
            pipe.send(function(task, tell=lambda: pipe.send(("step", "")), **options))
    except (EOFError, ConnectionError):
        return  # nothing is left to do, or nobody to do it for


def _end(workers: dict[Connection, _Worker]) -> None:
    """End all workers: the idle by closing their pipes, the others by SIGTERM, then SIGKILL."""
    for pipe, worker in workers.items():
        pipe.close()
        if worker.task is not None or not worker.ready:
            worker.process.terminate()
    for worker in workers.values():
        worker.process.join(_SECONDS_TO_END)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


@contextmanager
def _on_signal(number: int, action: object) -> Iterator[None]:
    """Answer a signal by `action` during the block; only the main thread can do that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(number, action)
    try:
        yield
    finally:
        signal.signal(number, before)


def _exit(*_: object) -> None:
    sys.exit(128 + signal.SIGTERM)
