"""The state of one training, and one step of it: images to loss to new weights."""

import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fer_utils.augmentation import as_channels, to_float
from fer_utils.balancing.resampling import is_made
from fer_utils.balancing.sampling import balanced_order
from fer_utils.datasets.base import FaceDataset
from fer_utils.errors import DataError, RunError
from fer_utils.evaluation import log_loss
from fer_utils.files import atomic_path
from fer_utils.hardware import autocast
from fer_utils.initialization import WITHOUT_STATISTICS, load_initial_weights, settle_norms
from fer_utils.models import BY_PIXELS, build_model
from fer_utils.models.transfer import freeze
from fer_utils.recipes import Recipe
from fer_utils.training.checks import refuse_unknown
from fer_utils.training.graphs import CapturedGradients, can_capture, pays_to_compile
from fer_utils.training.inputs import training_inputs
from fer_utils.training.mixing import get_mixing, mix
from fer_utils.training.optimization import WeightAverage, build_optimizer, build_schedule
from fer_utils.training.small_maps import speed_up_small_maps
from fer_utils.training.supervision import Supervision

_SETTLED = 512  # images that settle the norms of weights without statistics


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
        teacher: np.ndarray | None = None,
    ) -> None:
        refuse_unknown(recipe)
        for split, part in (("train", train_part), ("valid", valid_part)):
            if not len(part):
                raise DataError(f"{part.name}: no {split} images; {recipe.name} needs some")
        self.recipe, self.epochs, self.seed, self.device = recipe, epochs, seed, device
        self.mixing = get_mixing(recipe.mixing)
        self.supervision = Supervision(recipe, train_part, device, teacher)
        self.valid_part, self.num_classes = valid_part, train_part.num_classes
        self.batch_size = min(recipe.batch_size, len(train_part))
        # of an epoch; a last short batch is left out
        self.steps = len(train_part) // self.batch_size
        real = train_part.images[~is_made(train_part)]
        by_pixels = recipe.normalization in BY_PIXELS

        torch.manual_seed(seed)
        model = build_model(
            recipe.model,
            num_classes=train_part.num_classes,
            image_size=train_part.images.shape[1],
            crop=recipe.crop,
            resize=recipe.resize,
            normalization=recipe.normalization,
            # where they count: for the second, all pixels are copied as float64
            mean=float(real.mean(dtype=np.float64) / 255) if by_pixels else 0.0,
            std=float(real.std(dtype=np.float64) / 255) if by_pixels else 1.0,
        )
        load_initial_weights(model.net, recipe.initial_weights)
        if recipe.initial_weights in WITHOUT_STATISTICS:
            settle_norms(model, to_float(as_channels(torch.from_numpy(np.array(real[:_SETTLED])))))
        freeze(model.net, recipe.frozen)
        self.whole = model.to(device, memory_format=torch.channels_last)
        speed_up_small_maps(self.whole, device)
        self.inputs = training_inputs(recipe, self.whole, train_part, valid_part, device)
        self.model = self.inputs.trained
        self.compiled: Callable[[Tensor], Tensor] | None = None
        whole_and_gray = self.model is self.whole and train_part.images.ndim == 3
        size, images = train_part.images.shape[1], epochs * len(train_part)
        if whole_and_gray and pays_to_compile(self.model, size, images):
            self.compiled = torch.compile(self.model)
        self.optimizer = build_optimizer(self.model, recipe)
        self.scheduler = build_schedule(self.optimizer, recipe, epochs * self.steps)
        self.average = WeightAverage(self.model, recipe.ema_decay) if recipe.ema_decay else None
        self.generator = torch.Generator(device)
        self.captured: CapturedGradients | None = None
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Tensor] = {}
        self.best_epoch = 0
        self.code: list[dict[str, object]] = []  # that trained it so far, one entry per part

    def run_epoch(self) -> dict[str, float]:
        """Train one epoch, look at valid, and return the history row."""
        start, epoch = time.perf_counter(), len(self.history) + 1
        # All chance of an epoch comes from its own seed, so that a resumed run is the same.
        torch.manual_seed(self.seed * 100_003 + epoch)
        self.generator.manual_seed(self.seed * 100_003 + epoch)
        if self.recipe.balancing == "sampler":
            order = balanced_order(self.supervision.labels, self.generator)
        else:
            order = torch.randperm(len(self.inputs), generator=self.generator, device=self.device)
        loss_sum = torch.zeros((), device=self.device)
        hits = torch.zeros((), device=self.device)
        self.model.train()
        for step in range(self.steps):
            batch = order[step * self.batch_size : (step + 1) * self.batch_size]
            loss, hit = self.step(batch)
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

    def step(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Train on the images at `batch`, (B,) int64; return the loss and the number of hits."""
        if can_capture(self.device, self.recipe):
            if self.captured is None or self.captured.mixing != self._mixes():
                self.captured = CapturedGradients(self.gradients, self.generator, self._mixes())
            loss, hits = self.captured(batch)
        else:
            loss, hits = self.gradients(batch)
        self.optimizer.step()
        self.scheduler.step()
        if self.average is not None:
            self.average.update()
        return loss, hits

    def gradients(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Set the gradients of the loss on the images at `batch`; return as `step`."""
        self.optimizer.zero_grad(set_to_none=True)
        images = self.inputs.batch(batch, self.generator)
        targets, taught = self.supervision.targets(batch, self.generator)
        if self._mixes():
            images, targets, taught = self._mixed(images, targets, taught)
        # in the precision of the whole net, also where only the head of a frozen one is trained
        with autocast(self.device, self.whole):
            output = self.model(images) if self.compiled is None else self.compiled(images)
        # a net with an auxiliary head gives two
        logits, *auxiliary = output if isinstance(output, tuple) else (output,)
        logits = logits.float()
        loss = self.supervision.loss(logits, targets, taught)
        for other in auxiliary:
            share = self.recipe.auxiliary_share
            loss = loss + share * self.supervision.loss(other.float(), targets, taught)
        loss.backward()
        return loss.detach(), (logits.argmax(1) == self.supervision.labels[batch]).sum()

    def _mixes(self) -> bool:
        """Tell whether the images of this epoch are mixed: those of the last ones are not."""
        return self.mixing is not None and len(self.history) < self.mixing.until * self.epochs

    def _mixed(
        self, images: Tensor, targets: Tensor, taught: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Mix the batch in pairs; labels come back as probabilities, (B, C) float32."""
        shares = F.one_hot(targets, self.num_classes).float() if targets.ndim == 1 else targets
        both = shares if taught is None else torch.cat((shares, taught), dim=1)
        images, both = mix(images, both, self.mixing)
        if taught is None:
            return images, both, None
        return images, *both.split(self.num_classes, dim=1)

    def _state(self) -> dict[str, Tensor]:
        """Return the weights that are judged: the averaged ones where there are such."""
        return self.model.state_dict() if self.average is None else self.average.values

    def _look_at_valid(self) -> tuple[float, float]:
        trained = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.model.load_state_dict(self._state())
        y_prob = self.inputs.valid_probabilities()
        self.model.load_state_dict(trained)
        y_true = self.valid_part.labels
        accuracy = (y_prob.argmax(1) == y_true).mean()
        return float(log_loss(y_true, y_prob)), float(accuracy)

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
            "threads": torch.get_num_threads(),
            "code": self.code,
        }
        with atomic_path(checkpoint) as temporary:
            torch.save(state, temporary)

    def restore(self, checkpoint: Path) -> int:
        """Take up the state that `save` wrote; return with how many threads it was reached.

        Raises RunError if it can't be read.
        """
        try:
            state = torch.load(checkpoint, map_location=self.device, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.scheduler.load_state_dict(state["scheduler"])
            if self.average is not None:
                self.average.step, self.average.values = state["average"]
            self.best, self.best_epoch = state["best"], state["best_epoch"]
            self.history = state["history"]
            # checkpoints older than these two have neither
            self.code = state.get("code", [{"commit": ""}])
            return state.get("threads", torch.get_num_threads())
        except Exception as error:
            raise RunError(
                f"{checkpoint}: the checkpoint can't be read ({type(error).__name__}); delete it "
                f"to train {self.recipe.name} from the start"
            ) from error

    def best_model(self) -> nn.Module:
        """Return the whole model with the weights of the best epoch."""
        self.model.load_state_dict(self.best)
        return self.whole
