"""The training loop: data resident on the device, one pass per epoch, resumable.

It sees the train and valid parts only; nothing here can read `test`.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm.auto import tqdm

from fer_utils.datasets.base import FaceDataset
from fer_utils.hardware import pick_device, prepare_device, use_threads
from fer_utils.recipes import Recipe
from fer_utils.training.session import Session

#: Between checkpoints, by device.  On a GPU an epoch takes less time than a large net's checkpoint.
SECONDS_BETWEEN_CHECKPOINTS = {"cpu": 0, "cuda": 15}


class OutOfTime(Exception):  # noqa: N818 - not an error: the checkpoint holds all that was done
    """The time budget ended before the training; the next call goes on from the checkpoint."""


@dataclass
class Trained:
    """What training returns: the weights of the best epoch, and how it went.

    history: one row per epoch: epoch, learning_rate, train_loss, train_accuracy (on augmented
    images, while training), valid_loss, valid_accuracy, seconds.
    best_epoch: the epoch (from 1) of highest valid accuracy, whose weights `model` holds.
    threads: with how many PyTorch computed.  code: the `code` of `train`, of all parts of a
    training that was broken off, in their order; equal ones that follow each other count once.
    """

    model: nn.Module
    history: list[dict[str, float]]
    best_epoch: int
    threads: int = 1
    code: list[dict[str, object]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Training time over all epochs, validation included, sessions added up."""
        return sum(row["seconds"] for row in self.history)


def train(
    recipe: Recipe,
    train_part: FaceDataset,
    valid_part: FaceDataset,
    *,
    epochs: int,
    seed: int,
    device: torch.device | None = None,
    teacher: np.ndarray | None = None,
    checkpoint: Path | None = None,
    code: Mapping[str, object] | None = None,
    deadline: float = math.inf,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
    progress: bool = True,
) -> Trained:
    """Train `recipe` with one random seed, and return the weights of its best valid epoch.

    teacher: (N, C) float32, the class probabilities that a teacher gives the train images.
    checkpoint: file that the state is saved to, on a CPU after each epoch, on a GPU now and then
    and at the deadline; where it exists, training goes on from there, with (on a CPU) the same
    result as an unbroken run: also with as many threads as before, where there are so many cores.
    code: what the code that trains is called by, kept with the checkpoint.  deadline: a
    `time.monotonic()` after which no epoch is begun.  on_epoch: called with each history row.

    Raises OutOfTime at the deadline, RunError when the loss is no longer finite or the
    checkpoint can't be read, ConfigError for a name in the recipe that is not known, DataError
    when a part has no images.
    """
    device = device or pick_device()
    pause = SECONDS_BETWEEN_CHECKPOINTS[device.type]
    prepare_device(device)
    session = Session(recipe, train_part, valid_part, epochs, seed, device, teacher)
    threads = torch.get_num_threads()
    if checkpoint is not None and checkpoint.exists():
        threads = session.restore(checkpoint)
    if code is not None and session.code[-1:] != [dict(code)]:
        session.code.append(dict(code))
    bar = tqdm(
        total=epochs,
        initial=len(session.history),
        desc=f"{recipe.name} seed {seed}",
        unit="epoch",
        leave=False,
        disable=not progress,
    )
    saved_at, saved_epochs = time.monotonic(), len(session.history)
    with bar, use_threads(threads, device) as threads:
        while len(session.history) < epochs:
            out_of_time = time.monotonic() > deadline
            if out_of_time and checkpoint is not None and len(session.history) > saved_epochs:
                session.save(checkpoint)
            if out_of_time:
                raise OutOfTime(f"{recipe.name}: {len(session.history)} of {epochs} epochs done")
            row = session.run_epoch()
            if checkpoint is not None and time.monotonic() - saved_at >= pause:
                session.save(checkpoint)
                saved_at, saved_epochs = time.monotonic(), len(session.history)
            if on_epoch is not None:
                on_epoch(row)
            bar.set_postfix_str(f"valid {100 * row['valid_accuracy']:.1f} %")
            bar.update()
    return Trained(session.best_model(), session.history, session.best_epoch, threads, session.code)
