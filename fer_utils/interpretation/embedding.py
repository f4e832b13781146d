"""The space in which a net tells faces apart: its last hidden layer, and a map of it."""

import numpy as np
import torch
from torch import nn

from fer_utils.errors import ConfigError, DataError
from fer_utils.interpretation.layers import as_batch, frozen_copy


def penultimate_features(model: nn.Module, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
    """Return what the output layer sees of each image, (N, D) float32.

    images: (N, H, W) uint8 or float in [0, 1].  Raises ConfigError for a net without a dense
    output layer.
    """
    model = frozen_copy(model)
    dense = [module for module in model.modules() if isinstance(module, nn.Linear)]
    if not dense:
        raise ConfigError("this net has no dense layer: there are no features before its output")
    found: list[torch.Tensor] = []
    dense[-1].register_forward_pre_hook(lambda module, inputs: found.append(inputs[0].cpu()))
    with torch.inference_mode():
        for start in range(0, len(images), batch_size):
            model(as_batch(model, images[start : start + batch_size]))
    return torch.cat(found).numpy()


def tsne(features: np.ndarray, *, perplexity: float = 30.0, seed: int = 0) -> np.ndarray:
    """Return t-SNE of features (N, D), (N, 2) float32 (van der Maaten and Hinton 2008).

    Neighbors stay neighbors; distances between groups, and their sizes, mean nothing.
    Begins from the first two principal components.  Raises DataError for fewer than 10 rows.
    """
    from sklearn.manifold import TSNE

    if len(features) < 10:
        raise DataError(f"t-SNE needs at least 10 images, not {len(features)}")
    perplexity = min(perplexity, (len(features) - 1) / 3)
    method = TSNE(perplexity=perplexity, init="pca", random_state=seed)
    return method.fit_transform(features).astype(np.float32)


def neighbor_agreement(points: np.ndarray, labels: np.ndarray, neighbors: int = 10) -> np.ndarray:
    """Return the part of each point's nearest neighbors that has its label, (N,) float64.

    points: (N, D); labels: (N,).
    """
    from sklearn.neighbors import NearestNeighbors

    neighbors = min(neighbors, len(points) - 1)
    found = NearestNeighbors(n_neighbors=neighbors).fit(points)
    return (labels[found.kneighbors(return_distance=False)] == labels[:, None]).mean(axis=1)


def nearest_to_center(
    features: np.ndarray, labels: np.ndarray, label: int, n: int = 6
) -> np.ndarray:
    """Return the positions of the `n` images of class `label` nearest to its mean, nearest first.

    features: (N, D); labels: (N,).  Fewer where the class has fewer.
    """
    mine = np.flatnonzero(labels == label)
    if not len(mine):
        return mine
    distance = np.linalg.norm(features[mine] - features[mine].mean(axis=0), axis=1)
    return mine[np.argsort(distance, kind="stable")][:n]
