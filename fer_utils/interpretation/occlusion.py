"""What a net misses when a part of the face is covered (Zeiler and Fergus 2014)."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from fer_utils.errors import ConfigError
from fer_utils.interpretation.layers import as_batch, as_labels, frozen_copy

#: A part of an image: top, left, bottom, right in pixels; bottom and right are outside.
Box = tuple[int, int, int, int]


def occlusion_falls(
    model: nn.Module,
    images: np.ndarray,
    labels: np.ndarray,
    boxes: Sequence[Box],
    *,
    batch_size: int = 512,
) -> np.ndarray:
    """Return how far the probability of labels[i] falls when a box of images[i] is covered.

    images: (N, H, W) uint8 or float in [0, 1].  A box is painted with the image's mean gray.
    Returns (N, boxes) float32, fractions of one; below zero where the probability rises.
    Raises ConfigError for a box that does not lie in the image.
    """
    side = images.shape[1:]
    for top, left, bottom, right in boxes:
        if not (0 <= top < bottom <= side[0] and 0 <= left < right <= side[1]):
            raise ConfigError(f"box {(top, left, bottom, right)} does not lie in {side} pixels")
    model = frozen_copy(model)
    batch, target = as_batch(model, images), as_labels(model, labels, images)
    covers = torch.zeros((len(boxes) + 1, 1, *side), dtype=torch.bool, device=batch.device)
    for cover, (top, left, bottom, right) in zip(covers[1:], boxes, strict=True):
        cover[:, top:bottom, left:right] = True
    at_once = max(1, batch_size // len(covers))
    falls = [
        _falls(model, batch[start : start + at_once], target[start : start + at_once], covers)
        for start in range(0, len(batch), at_once)
    ]
    return torch.cat(falls).cpu().numpy()


@torch.inference_mode()
def _falls(model: nn.Module, images: Tensor, labels: Tensor, covers: Tensor) -> Tensor:
    """Return the falls of a batch; the first of `covers` covers nothing."""
    gray = images.mean((2, 3), keepdim=True)
    copies = torch.where(covers[None], gray[:, None], images[:, None])  # (n, covers, 1, H, W)
    logits = model(copies.flatten(0, 1)).float().view(*copies.shape[:2], -1)
    index = labels[:, None, None].expand(-1, copies.shape[1], 1)
    prob = logits.softmax(-1).gather(2, index)[..., 0]
    return prob[:, :1] - prob[:, 1:]


def occlusion_maps(
    model: nn.Module,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    patch: int = 12,
    stride: int = 6,
    batch_size: int = 512,
) -> np.ndarray:
    """Return for each pixel how far the class's probability falls when it is covered.

    A square of `patch` pixels is moved over the image in steps of `stride`; a pixel has the mean
    of the squares that cover it.  (N, H, W) float32, fractions of one; see `occlusion_falls`.
    """
    height, width = images.shape[1:]
    boxes = [
        (top, left, top + patch, left + patch)
        for top in _starts(height, patch, stride)
        for left in _starts(width, patch, stride)
    ]
    falls = occlusion_falls(model, images, labels, boxes, batch_size=batch_size)
    sums = np.zeros(images.shape, np.float32)
    counts = np.zeros((height, width), np.float32)
    for (top, left, bottom, right), fall in zip(boxes, falls.T, strict=True):
        sums[:, top:bottom, left:right] += fall[:, None, None]
        counts[top:bottom, left:right] += 1
    return sums / counts


def _starts(side: int, patch: int, stride: int) -> list[int]:
    """Return where the patches begin; the last one ends at the image's edge."""
    if not 0 < patch <= side or not 0 < stride <= patch:
        raise ConfigError(
            f"patch {patch} and stride {stride} leave gaps in {side} pixels: give "
            "0 < stride <= patch <= side"
        )
    return sorted({*range(0, side - patch + 1, stride), side - patch})
