"""The training loop: data resident on the device, one pass per epoch, resumable.

It sees the train and valid parts only; nothing here can read `test`.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from fer_utils.augmentation import TTA_VIEWS, augment, get_augmentation, to_float
from fer_utils.balancing import class_weights
from fer_utils.datasets.base import FaceDataset
from fer_utils.errors import ConfigError, DataError, RunError, unknown_name
from fer_utils.evaluation import predict
from fer_utils.files import atomic_path
from fer_utils.hardware import autocast, keep_freed_memory, pick_device
from fer_utils.models import build_model
from fer_utils.recipes import Recipe


class OutOfTime(Exception):  # noqa: N818 - not an error: the checkpoint holds all that was done
    """The time budget ended before the training; the next call goes on from the checkpoint."""


@dataclass
class Trained:
    """What training returns: the weights of the best epoch, and how it went.

    history: one row per epoch: epoch, learning_rate, train_loss, train_accuracy (on augmented
    images, while training), valid_loss, valid_accuracy, seconds.
    best_epoch: the epoch (from 1) of highest valid accuracy, whose weights `model` holds.
    """

    model: nn.Module
    history: list[dict[str, float]]
    best_epoch: int

    @property
    def seconds(self) -> float:
        """Training time over all epochs, validation included, sessions added up."""
        return sum(row["seconds"] for row in self.history)


class WeightAverage:
    """Exponential moving average of a model's weights and buffers (Polyak averaging).

    The decay is lower in the first steps, so that the initial weights are soon forgotten.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay, self.step = decay, 0
        self.values = {name: value.clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move the average a little towards the weights of `model`."""
        self.step += 1
        weight = 1 - min(self.decay, (1 + self.step) / (10 + self.step))
        state = model.state_dict()
        averaged = [name for name, value in self.values.items() if value.is_floating_point()]
        ours = [self.values[name] for name in averaged]
        torch._foreach_lerp_(ours, [state[name] for name in averaged], weight)


def train(
    recipe: Recipe,
    train_part: FaceDataset,
    valid_part: FaceDataset,
    *,
    epochs: int,
    seed: int,
    device: torch.device | None = None,
    checkpoint: Path | None = None,
    deadline: float = math.inf,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
    progress: bool = True,
) -> Trained:
    """Train `recipe` with one random seed, and return the weights of its best valid epoch.

    checkpoint: file that the state is saved to after each epoch; where it exists, training
    goes on from there, with (on a CPU) the same result as an unbroken run.  deadline: a
    `time.monotonic()` after which no epoch is begun.  on_epoch: called with each history row.

    Raises OutOfTime at the deadline, RunError when the loss is no longer finite or the
    checkpoint can't be read, ConfigError for a name in the recipe that is not known, DataError
    when a part has no images.
    """
    device = device or pick_device()
    if device.type == "cpu":
        keep_freed_memory()
    session = Session(recipe, train_part, valid_part, epochs, seed, device)
    if checkpoint is not None and checkpoint.exists():
        session.restore(checkpoint)
    bar = tqdm(
        total=epochs,
        initial=len(session.history),
        desc=f"{recipe.name} seed {seed}",
        unit="epoch",
        leave=False,
        disable=not progress,
    )
    with bar:
        while len(session.history) < epochs:
            if time.monotonic() > deadline:
                raise OutOfTime(f"{recipe.name}: {len(session.history)} of {epochs} epochs done")
            row = session.run_epoch()
            if checkpoint is not None:
                session.save(checkpoint)
            if on_epoch is not None:
                on_epoch(row)
            bar.set_postfix_str(f"valid {100 * row['valid_accuracy']:.1f} %")
            bar.update()
    return session.result()


class Session:
    """The state of one training: everything that a checkpoint must hold."""

    def __init__(
        self,
        recipe: Recipe,
        train_part: FaceDataset,
        valid_part: FaceDataset,
        epochs: int,
        seed: int,
        device: torch.device,
    ) -> None:
        _refuse_unknown(recipe)
        for split, part in (("train", train_part), ("valid", valid_part)):
            if not len(part):
                raise DataError(f"{part.name}: no {split} images; {recipe.name} needs some")
        self.recipe, self.epochs, self.seed, self.device = recipe, epochs, seed, device
        self.how = get_augmentation(recipe.augmentation)
        images = np.array(train_part.images)
        self.images = torch.from_numpy(images)[:, None].to(device)
        self.labels = torch.from_numpy(train_part.labels.astype(np.int64)).to(device)
        self.valid_part = valid_part
        self.batch_size = min(recipe.batch_size, len(images))
        self.steps = len(images) // self.batch_size  # of an epoch; a last short batch is left out
        self.weights = None
        if recipe.balancing == "class_weights":
            weights = class_weights(train_part.labels, train_part.num_classes)
            self.weights = torch.from_numpy(weights).to(device)

        torch.manual_seed(seed)
        model = build_model(
            recipe.model,
            num_classes=train_part.num_classes,
            image_size=images.shape[1],
            normalization=recipe.normalization,
            mean=float(images.mean(dtype=np.float64) / 255),
            std=float(images.std(dtype=np.float64) / 255),
        )
        self.model = model.to(device, memory_format=torch.channels_last)
        self.optimizer = _optimizer(self.model, recipe)
        total_steps = epochs * self.steps + 1
        if recipe.warmup * total_steps == 1:
            total_steps += 1  # torch would divide by a rise of no steps
        self.scheduler = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer,
            max_lr=recipe.learning_rate,
            total_steps=total_steps,
            pct_start=recipe.warmup,
            cycle_momentum=False,
        )
        self.average = WeightAverage(self.model, recipe.ema_decay) if recipe.ema_decay else None
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Tensor] = {}
        self.best_epoch = 0

    def run_epoch(self) -> dict[str, float]:
        """Train one epoch, look at valid, and return the history row."""
        start, epoch = time.perf_counter(), len(self.history) + 1
        # All chance of an epoch comes from its own seed, so that a resumed run is the same.
        torch.manual_seed(self.seed * 100_003 + epoch)
        generator = torch.Generator(self.device).manual_seed(self.seed * 100_003 + epoch)
        order = torch.randperm(len(self.images), generator=generator, device=self.device)
        loss_sum = torch.zeros((), device=self.device)
        hits = torch.zeros((), device=self.device)
        self.model.train()
        for step in range(self.steps):
            batch = order[step * self.batch_size : (step + 1) * self.batch_size]
            loss, hit = self.step(batch, generator)
            loss_sum += loss
            hits += hit
        valid_loss, valid_accuracy = self._look_at_valid()
        if not (math.isfinite(loss_sum) and math.isfinite(valid_loss)):
            raise RunError(
                f"{self.recipe.name}, seed {self.seed}: the loss is not finite in epoch {epoch}; "
                f"lower learning_rate ({self.recipe.learning_rate})"
            )
        if not self.best or valid_accuracy > max(row["valid_accuracy"] for row in self.history):
            self.best_epoch = epoch
            self.best = {name: value.clone() for name, value in self._state().items()}
        row = {
            "epoch": epoch,
            "learning_rate": self.scheduler.get_last_lr()[0],
            "train_loss": float(loss_sum) / self.steps,
            "train_accuracy": float(hits) / (self.steps * self.batch_size),
            "valid_loss": valid_loss,
            "valid_accuracy": valid_accuracy,
            "seconds": time.perf_counter() - start,
        }
        self.history.append(row)
        return row

    def step(self, batch: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Train on the images at `batch`, (B,) int64; return the loss and the number of hits."""
        labels = self.labels[batch]
        images = augment(to_float(self.images[batch]), self.how, generator)
        with autocast(self.device):
            logits = self.model(images)
        loss = F.cross_entropy(
            logits.float(),
            labels,
            weight=self.weights,
            label_smoothing=self.recipe.label_smoothing,
        )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.scheduler.step()
        if self.average is not None:
            self.average.update(self.model)
        return loss.detach(), (logits.argmax(1) == labels).sum()

    def _state(self) -> dict[str, Tensor]:
        """Return the weights that are judged: the averaged ones where there are such."""
        return self.model.state_dict() if self.average is None else self.average.values

    def _look_at_valid(self) -> tuple[float, float]:
        trained = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.model.load_state_dict(self._state())
        y_prob = predict(self.model, self.valid_part.images)["none"]
        self.model.load_state_dict(trained)
        y_true = self.valid_part.labels
        loss = -np.log(y_prob[np.arange(len(y_true)), y_true].clip(1e-12)).mean()
        return float(loss), float((y_prob.argmax(1) == y_true).mean())

    def save(self, checkpoint: Path) -> None:
        """Write everything that `restore` needs, whole or not at all."""
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "average": None if self.average is None else (self.average.step, self.average.values),
            "best": self.best,
            "best_epoch": self.best_epoch,
            "history": self.history,
        }
        with atomic_path(checkpoint) as temporary:
            torch.save(state, temporary)

    def restore(self, checkpoint: Path) -> None:
        """Take up the state that `save` wrote; raise RunError if it can't be read."""
        try:
            state = torch.load(checkpoint, map_location=self.device, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.scheduler.load_state_dict(state["scheduler"])
            if self.average is not None:
                self.average.step, self.average.values = state["average"]
            self.best, self.best_epoch = state["best"], state["best_epoch"]
            self.history = state["history"]
        except Exception as error:
            raise RunError(
                f"{checkpoint}: the checkpoint can't be read ({error}); delete it to train "
                f"{self.recipe.name} from the start"
            ) from error

    def result(self) -> Trained:
        """Return the model with the weights of the best epoch."""
        self.model.load_state_dict(self.best)
        return Trained(self.model, self.history, self.best_epoch)


def _refuse_unknown(recipe: Recipe) -> None:
    """Raise ConfigError for a value that this loop does not implement."""
    implemented = {
        "cleaning": ("none",),
        "balancing": ("none", "class_weights"),
        "initial_weights": ("random",),
        "loss": ("cross_entropy",),
        "optimizer": ("sgd",),
        "schedule": ("one_cycle",),
    }
    for name, known in implemented.items():
        if getattr(recipe, name) not in known:
            raise unknown_name(name, getattr(recipe, name), known)
    for mode in recipe.tta:  # used after training, when it is late to find that out
        if mode not in TTA_VIEWS:
            raise unknown_name("test-time augmentation", mode, TTA_VIEWS)
    if not 0 < recipe.warmup < 1:
        raise ConfigError(f"{recipe.name}: warmup must lie between 0 and 1, not {recipe.warmup}")


def _optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return SGD with Nesterov momentum; weight decay on matrices and kernels only."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=0.9, nesterov=True)
