"""The features of a frozen backbone: made once, kept on disk, so that only the head is trained."""

import numpy as np
import torch
from torch import nn
from tqdm.auto import tqdm

from fer_utils import paths
from fer_utils.augmentation import as_channels, to_float
from fer_utils.datasets.cache import Arrays, cached_arrays
from fer_utils.files import sha256_bytes, sha256_json
from fer_utils.hardware import autocast
from fer_utils.recipes import Recipe

_BATCH = 256


def frozen_features(
    recipe: Recipe, model: nn.Sequential, images: np.ndarray, view: str
) -> np.ndarray:
    """Return what the head of `model` sees of `images`, (N, F) float16; `view` none or mirror.

    model: of `build_model`, its net a `TransferNet` with the recipe's initial weights, on its
    device.  images: (N, H, W) or (N, H, W, 3) uint8.  Kept in data/cache by backbone, weights,
    size, images and view: a second recipe with the same backbone finds them.
    """
    signature = {
        "weights": _weights_hash(model),
        "model": recipe.model,
        **{name: getattr(recipe, name) for name in ("crop", "resize", "normalization")},
        "images": sha256_bytes(np.ascontiguousarray(images)),
        "view": view,
    }
    folder = paths.DATA_CACHE / f"features-{sha256_json(signature)[:16]}"

    def build() -> tuple[Arrays, dict]:
        return {"features": _run(model, images, view, recipe.name)}, {}

    return np.array(cached_arrays(folder, signature, build)[0]["features"])


@torch.inference_mode()
def _run(model: nn.Sequential, images: np.ndarray, view: str, name: str) -> np.ndarray:
    device = next(model.parameters()).device
    *before, net = model.eval().children()
    parts = []
    starts = range(0, len(images), _BATCH)
    for start in tqdm(starts, desc=f"features for {name}", leave=False, disable=None):
        batch = torch.from_numpy(np.array(images[start : start + _BATCH])).to(device)
        batch = to_float(as_channels(batch)).contiguous(memory_format=torch.channels_last)
        batch = batch.flip(3) if view == "mirror" else batch
        with autocast(device, net):
            parts.append(net.features(nn.Sequential(*before)(batch)).half().cpu().numpy())
    return np.concatenate(parts)


def _weights_hash(model: nn.Sequential) -> str:
    """Return a hash of the backbone's weights and statistics."""
    state = model.net.backbone.state_dict().items()
    return sha256_json({name: sha256_bytes(value.cpu().numpy().tobytes()) for name, value in state})
