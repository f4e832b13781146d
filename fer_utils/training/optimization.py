"""Optimizer, learning rate schedule and weight averaging, as a recipe names them."""

from collections.abc import Iterable

import torch
from torch import nn

from fer_utils.recipes import Recipe
from fer_utils.training.muon import SGD_RATE, SGD_WEIGHT_DECAY, Muon


def build_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return SGD with Nesterov momentum, Adam with decoupled weight decay (AdamW), or Muon.

    Weight decay is on matrices and kernels only.  What is frozen is left out; a backbone has
    its own learning rate where the recipe says so.
    """
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    rate = recipe.learning_rate
    if recipe.optimizer == "muon":
        return _muon([p for _, p in trained], rate, recipe.weight_decay)
    if recipe.backbone_rate == 1:
        groups = _groups((p for _, p in trained), rate, recipe.weight_decay)
    else:
        inside = {name: ".backbone." in f".{name}" for name, _ in trained}
        backbone = (p for name, p in trained if inside[name])
        others = (p for name, p in trained if not inside[name])
        groups = _groups(others, rate, recipe.weight_decay)
        groups += _groups(backbone, rate * recipe.backbone_rate, recipe.weight_decay)
    if recipe.optimizer == "adam":
        return torch.optim.AdamW(groups)
    return torch.optim.SGD(groups, momentum=0.9, nesterov=True)


def _groups(parameters: Iterable[nn.Parameter], rate: float, weight_decay: float) -> list[dict]:
    """Return the groups with and without weight decay; none that is empty."""
    parameters = list(parameters)
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "lr": rate, "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "lr": rate, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def _muon(parameters: list[nn.Parameter], rate: float, weight_decay: float) -> Muon:
    """Return Muon for all kernels but the output layer's, which comes last; SGD for the rest."""
    kernels = [p for p in parameters if p.ndim > 1]
    hidden, rest = kernels[:-1], [*kernels[-1:], *(p for p in parameters if p.ndim <= 1)]
    orthogonal = {"params": hidden, "lr": rate, "weight_decay": weight_decay, "orthogonal": True}
    return Muon([orthogonal, *_groups(rest, SGD_RATE, SGD_WEIGHT_DECAY)])


def build_schedule(
    optimizer: torch.optim.Optimizer, recipe: Recipe, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """Return the one-cycle schedule (Smith & Topin 2018): up in `recipe.warmup`, then to zero.

    Or, where the recipe says so, a constant one.
    """
    if recipe.schedule == "constant":
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    total_steps = steps + 1  # the step after the last one is asked for, too
    if recipe.warmup * total_steps == 1:
        total_steps += 1  # torch would divide by a rise of no steps
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=[group["lr"] for group in optimizer.param_groups],
        total_steps=total_steps,
        pct_start=recipe.warmup,
        cycle_momentum=False,
    )


class WeightAverage:
    """Exponential moving average of a model's weights and buffers (Polyak averaging).

    The decay is lower in the first steps, so that the initial weights are soon forgotten.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        """model: whose tensors are averaged; they may change, but must stay where they are."""
        self.decay, self.step = decay, 0
        state = model.state_dict()
        self.values = {name: value.clone() for name, value in state.items()}
        self.current = {name: value for name, value in state.items() if value.is_floating_point()}

    @torch.no_grad()
    def update(self) -> None:
        """Move the average a little towards the model's weights."""
        self.step += 1
        weight = 1 - min(self.decay, (1 + self.step) / (10 + self.step))
        ours = [self.values[name] for name in self.current]
        torch._foreach_lerp_(ours, list(self.current.values()), weight)
