"""The parts of a net that interpretation looks into."""

from copy import deepcopy

import numpy as np
import torch
from torch import Tensor, nn

from fer_utils.augmentation import to_float
from fer_utils.errors import ConfigError, DataError
from fer_utils.models.plain import SqueezeExcitation


def frozen_copy(model: nn.Module) -> nn.Module:
    """Return a copy of `model` to look into: evaluation mode, fixed weights, nothing in place.

    An activation that the next layer overwrites could not be looked at.
    """
    copy = deepcopy(model).eval().requires_grad_(False)
    for module in copy.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
    return copy


def as_batch(model: nn.Module, images: np.ndarray) -> Tensor:
    """Return images (N, H, W), uint8 or float in [0, 1], as (N, 1, H, W) float32 for `model`.

    Raises DataError for another shape or for no image at all.
    """
    if images.ndim != 3 or not len(images):
        raise DataError(f"expected images of shape (N, H, W), at least one, not {images.shape}")
    batch = torch.from_numpy(np.array(images))[:, None]
    batch = to_float(batch) if images.dtype == np.uint8 else batch.float()
    return batch.to(next(model.parameters()).device)


def as_labels(model: nn.Module, labels: np.ndarray, images: np.ndarray) -> Tensor:
    """Return labels (N,) as int64 on the model's device; DataError unless one per image."""
    if np.shape(labels) != (len(images),):
        raise DataError(f"{len(images)} images need as many labels, not {np.shape(labels)}")
    return torch.from_numpy(np.asarray(labels, np.int64)).to(next(model.parameters()).device)


def activation_layers(model: nn.Module, images: np.ndarray) -> dict[str, nn.Module]:
    """Return the ReLU modules of `model` in the order in which they work, by name.

    `conv 1`, `conv 2`, ... give maps (N, C, h, w), `dense 1`, ... give (N, U).  Those inside
    squeeze-and-excitation are left out: they weigh maps and are none.  One image is passed
    through to see the order.  Raises ConfigError for a net without ReLU modules.
    """
    inside = {
        id(part)
        for module in model.modules()
        if isinstance(module, SqueezeExcitation)
        for part in module.modules()
    }
    seen: list[tuple[nn.Module, int]] = []
    hooks = [
        module.register_forward_hook(lambda m, inputs, output: seen.append((m, output.ndim)))
        for module in model.modules()
        if isinstance(module, nn.ReLU) and id(module) not in inside
    ]
    _forward_with(hooks, model, as_batch(model, images[:1]))
    if not seen:
        raise ConfigError("this net has no ReLU modules: there are no activations to look at")
    layers, counts = {}, {"conv": 0, "dense": 0}
    for module, dimensions in seen:
        kind = "conv" if dimensions == 4 else "dense"
        counts[kind] += 1
        layers[f"{kind} {counts[kind]}"] = module
    return layers


def last_maps(model: nn.Module, images: np.ndarray) -> nn.Module:
    """Return the last layer that still has places: where Grad-CAM looks.

    Raises ConfigError for a net without convolutions.
    """
    maps = {n: m for n, m in activation_layers(model, images).items() if n.startswith("conv")}
    if not maps:
        raise ConfigError("this net has no convolutions with ReLU: it has no maps to weigh")
    return list(maps.values())[-1]


def weight_layers(model: nn.Module) -> dict[str, nn.Module]:
    """Return the convolutions and dense layers of `model`, input first, by name.

    `conv 1`, `conv 2`, ... and `dense 1`, ..., the last of these `output`.
    """
    layers, counts = {}, {"conv": 0, "dense": 0}
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            kind = "conv" if isinstance(module, nn.Conv2d) else "dense"
            counts[kind] += 1
            layers[f"{kind} {counts[kind]}"] = module
    if counts["dense"]:
        layers["output"] = layers.pop(f"dense {counts['dense']}")
    return layers


def first_filters(model: nn.Module) -> np.ndarray:
    """Return the filters of the first convolution, (F, k, k) float32, of a net of gray images.

    Raises ConfigError for a net without convolutions.
    """
    layers = [m for m in weight_layers(model).values() if isinstance(m, nn.Conv2d)]
    if not layers:
        raise ConfigError("this net has no convolution: there are no filters to show")
    return layers[0].weight.detach().cpu().numpy()[:, 0]


def _forward_with(hooks: list, model: nn.Module, batch: Tensor) -> None:
    try:
        with torch.no_grad():
            model(batch)
    finally:
        for hook in hooks:
            hook.remove()
