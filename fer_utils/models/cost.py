"""What a net costs: its parameters, and its work on one image."""

import torch
from torch import nn


def count_parameters(model: nn.Module, trainable_only: bool = False) -> int:
    """Return the number of parameters of `model`, buffers not counted."""
    wanted = (p for p in model.parameters() if p.requires_grad or not trainable_only)
    return sum(p.numel() for p in wanted)


def count_multiply_accumulates(model: nn.Module, image_size: int = 48) -> int:
    """Return the multiply-accumulates of convolutions and dense layers on one gray image.

    They are what a processor spends its time on; norms, pools and activations are not counted.
    """
    counts: list[int] = []

    def count(module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
        places = output[0, 0].numel() if output.ndim == 4 else 1
        counts.append(places * module.weight.numel())

    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    training = model.training
    try:
        with torch.inference_mode():
            model.eval()(next(model.parameters()).new_zeros(1, 1, image_size, image_size))
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return sum(counts)
