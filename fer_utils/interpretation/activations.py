"""What each layer answers to faces, and how that changes while a net learns."""

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import pandas as pd
import torch
from torch import nn

from fer_utils.datasets.base import FaceDataset
from fer_utils.errors import ConfigError
from fer_utils.interpretation.layers import activation_layers, as_batch, frozen_copy
from fer_utils.recipes import Recipe
from fer_utils.training import Session


def record_activations(model: nn.Module, images: np.ndarray) -> dict[str, np.ndarray]:
    """Return what each layer's ReLU gives for `images`, (N, H, W) uint8 or float in [0, 1].

    Layer name (see `activation_layers`) -> (N, C, h, w) or (N, U) float32, none below zero.
    """
    model = frozen_copy(model)
    layers = activation_layers(model, images)
    found: dict[str, np.ndarray] = {}
    for name, layer in layers.items():
        layer.register_forward_hook(
            lambda m, inputs, output, name=name: found.update({name: output.cpu().numpy()})
        )
    with torch.no_grad():
        model(as_batch(model, images))
    return found


def zero_share(activations: np.ndarray) -> float:
    """Return the part of `activations` that is zero: a layer's sparsity, from 0 to 1."""
    return float((activations <= 0).mean())


def dead_share(activations: np.ndarray) -> float:
    """Return the part of channels, axis 1, that are zero for every image and at every place."""
    others = tuple(axis for axis in range(activations.ndim) if axis != 1)
    return float((activations <= 0).all(axis=others).mean())


def effective_area(maps: np.ndarray) -> float:
    """Return the part of its places that a map is spread over, the mean of all maps not zero.

    maps: (N, C, h, w), none below zero.  The participation ratio (sum a)^2 / (n sum a^2): 1
    where all places are equally active, 1/n where a single one is; NaN where all maps are zero.
    """
    flat = maps.reshape(-1, maps.shape[2] * maps.shape[3]).astype(np.float64)
    flat = flat[flat.max(axis=1) > 0]
    if not len(flat):
        return float("nan")
    return float((flat.sum(1) ** 2 / (flat.shape[1] * (flat**2).sum(1))).mean())


def activation_table(model: nn.Module, images: np.ndarray) -> pd.DataFrame:
    """Return one row per layer: layer, zeros, dead, area (NaN for dense layers), parts of one.

    See `zero_share`, `dead_share` and `effective_area`.
    """
    rows = [
        {
            "layer": name,
            "zeros": zero_share(values),
            "dead": dead_share(values),
            "area": effective_area(values) if values.ndim == 4 else float("nan"),
        }
        for name, values in record_activations(model, images).items()
    ]
    return pd.DataFrame(rows)


def watch_training(
    recipe: Recipe,
    train_part: FaceDataset,
    valid_part: FaceDataset,
    images: np.ndarray,
    *,
    epochs: int = 5,
    seed: int = 0,
    on_epoch: Callable[[int], None] | None = None,
) -> pd.DataFrame:
    """Train a fresh net of `recipe` and look at its activations before and after each epoch.

    images: (N, H, W) uint8, the faces that are looked at.  Returns `activation_table` per epoch
    (0: untrained), with columns epoch and valid_accuracy (NaN at 0) before it.  After the idea
    of cs231n-hog (activations "sparser and more local").  Raises ConfigError for less than one
    epoch, and what `Session` raises.
    """
    if epochs < 1:
        raise ConfigError(f"epochs must be at least 1, not {epochs}")
    session = Session(recipe, train_part, valid_part, epochs, seed, torch.device("cpu"))
    tables = []
    for epoch in range(epochs + 1):
        accuracy = session.run_epoch()["valid_accuracy"] if epoch else float("nan")
        table = activation_table(_with_fresh_norms(session.model, images), images)
        table.insert(0, "epoch", epoch)
        table.insert(1, "valid_accuracy", accuracy)
        tables.append(table)
        if on_epoch is not None:
            on_epoch(epoch)
    return pd.concat(tables, ignore_index=True)


def _with_fresh_norms(model: nn.Module, images: np.ndarray) -> nn.Module:
    """Return a copy whose batch norms know the statistics of `images`.

    An untrained net's running statistics are made up, and those of a first epoch lag behind:
    either would look like a change of the activations.
    """
    model = deepcopy(model).eval()
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = 1.0
        norm.train()
    with torch.no_grad():
        model(as_batch(model, images))
    return model.eval()
