"""Optimizer, learning rate schedule and weight averaging, as a recipe names them."""

import torch
from torch import nn

from fer_utils.recipes import Recipe


def build_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return SGD with Nesterov momentum; weight decay on matrices and kernels only."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=0.9, nesterov=True)


def build_schedule(
    optimizer: torch.optim.Optimizer, recipe: Recipe, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """Return the one-cycle schedule (Smith & Topin 2018): up in `recipe.warmup`, then to zero."""
    total_steps = steps + 1  # the step after the last one is asked for, too
    if recipe.warmup * total_steps == 1:
        total_steps += 1  # torch would divide by a rise of no steps
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=recipe.learning_rate,
        total_steps=total_steps,
        pct_start=recipe.warmup,
        cycle_momentum=False,
    )


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
