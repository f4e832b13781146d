"""Muon: momentum, orthogonalized, for kernels (Jordan et al. 2024); SGD for everything else.

Torch's own `torch.optim.Muon` takes matrices only, and multiplies in bfloat16 also where the
processor has none; a convolution's kernel is a matrix here, one row per filter.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

#: Of the quintic iteration; they make small singular values grow fast (Jordan et al. 2024).
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5

#: Of what plain SGD trains: the output layer, and norms and biases (these without decay).
SGD_RATE, SGD_WEIGHT_DECAY = 0.05, 5e-4


def orthogonalized(matrix: Tensor, iterations: int = ITERATIONS) -> Tensor:
    """Return about the nearest matrix with orthogonal rows (or columns), by Newton and Schulz.

    matrix: (rows, columns) float.  Of the singular value decomposition U S V^T this is about
    U V^T: all singular values come to lie near 1, roughly from 0.7 to 1.2, but for those that
    were next to nothing.
    """
    a, b, c = COEFFICIENTS
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    wide = wide / wide.norm().clamp(min=1e-7)
    for _ in range(iterations):
        gram = wide @ wide.T
        wide = torch.addmm(wide, torch.addmm(gram, gram, gram, beta=b, alpha=c), wide, beta=a)
    return wide if matrix.shape[0] <= matrix.shape[1] else wide.T


class Muon(torch.optim.Optimizer):
    """Muon for the groups with ``"orthogonal": True``, SGD with Nesterov momentum for the others.

    Weight decay of orthogonal groups is decoupled: per step `lr` times `weight_decay`.
    """

    def __init__(self, groups: Iterable[dict], momentum: float = 0.9) -> None:
        super().__init__(groups, {"momentum": momentum, "weight_decay": 0.0, "orthogonal": False})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Move the parameters by their gradients."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, group)

    def _move(self, parameter: nn.Parameter, group: dict) -> None:
        rate, decay, momentum = group["lr"], group["weight_decay"], group["momentum"]
        gradient = parameter.grad
        if decay and not group["orthogonal"]:
            gradient = gradient.add(parameter, alpha=decay)
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        velocity = state["momentum_buffer"].mul_(momentum).add_(gradient)
        update = gradient.add(velocity, alpha=momentum)
        if group["orthogonal"]:
            matrix = orthogonalized(update.flatten(1))
            scale = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
            parameter.mul_(1 - rate * decay)
            update = matrix.view_as(parameter).mul_(scale)
        parameter.add_(update, alpha=-rate)
