"""Do maps depend on what the net has learned?  A check by Adebayo et al. (2018)."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd
import torch
from scipy.stats import rankdata
from torch import nn

from fer_utils.evaluation import interval, resample_weights
from fer_utils.interpretation.layers import frozen_copy, weight_layers

#: A method: (model, images, labels) -> maps (N, H, W).
Method = Callable[[nn.Module, np.ndarray, np.ndarray], np.ndarray]


def cascading_randomization(model: nn.Module, seed: int = 0) -> Iterator[tuple[str, nn.Module]]:
    """Yield ("none", the model), then copies that lose the weights of one more layer each.

    It begins at the output and ends at the input.  The weights of a layer are shuffled: they
    keep their size, so that activations neither vanish nor explode, and say nothing any more.
    A copy is named after the last layer that lost its weights (see `weight_layers`).
    """
    generator = torch.Generator().manual_seed(seed)
    current = frozen_copy(model)
    yield "none", current
    for name in reversed(weight_layers(model)):
        current = frozen_copy(current)
        weight = weight_layers(current)[name].weight
        order = torch.randperm(weight.numel(), generator=generator).to(weight.device)
        weight.data = weight.flatten()[order].view_as(weight).contiguous()
        yield name, current


def rank_correlation(maps: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return Spearman's rank correlation of maps[i] and others[i], (N,) float64.

    Both (N, H, W).  NaN where maps[i] is constant, and so ranks nothing; 0 where only the other
    one is.
    """
    first, second = (
        rankdata(part.reshape(len(part), -1), axis=1).astype(np.float64) for part in (maps, others)
    )
    first -= first.mean(axis=1, keepdims=True)
    second -= second.mean(axis=1, keepdims=True)
    size = np.sqrt((first**2).sum(1) * (second**2).sum(1))
    product = (first * second).sum(1)
    values = np.divide(product, size, out=np.zeros(len(maps)), where=size > 0)
    return np.where((first**2).sum(1) > 0, values, np.nan)


def randomized_maps(
    model: nn.Module,
    images: np.ndarray,
    labels: np.ndarray,
    methods: Mapping[str, Method],
    *,
    seed: int = 0,
) -> dict[str, dict[str, np.ndarray]]:
    """Return the maps of the trained net and of ever more randomized ones.

    Method -> last randomized layer ("none" first, see `cascading_randomization`) -> (N, H, W).
    """
    maps: dict[str, dict[str, np.ndarray]] = {name: {} for name in methods}
    for layer, randomized in cascading_randomization(model, seed):
        for name, method in methods.items():
            maps[name][layer] = method(randomized, images, labels)
    return maps


def correlation_table(
    maps: Mapping[str, Mapping[str, np.ndarray]], samples: int = 1_000
) -> pd.DataFrame:
    """Return how like the trained net's maps those of the randomized nets are.

    maps: see `randomized_maps`.  Columns method, step (number of randomized layers), layer (the
    last of them), images (those whose trained map is not constant), correlation (mean rank
    correlation over these), ci_low, ci_high (95 %, bootstrap over them); NaN without such.  A
    method that passes falls towards zero; one that stays high shows the image, not the net.
    """
    rows = []
    for method, by_layer in maps.items():
        trained = by_layer["none"]
        for step, (layer, others) in enumerate(by_layer.items()):
            values = rank_correlation(trained, others)
            values = values[np.isfinite(values)]
            n, mean, low, high = len(values), np.nan, np.nan, np.nan
            if n:
                mean = values.mean()
                low, high = interval(resample_weights(n, samples) @ values / n)
            row = {"method": method, "step": step, "layer": layer, "images": n}
            rows.append(row | {"correlation": mean, "ci_low": low, "ci_high": high})
    return pd.DataFrame(rows)
