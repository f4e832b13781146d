"""DeepDream: change an image until the net is sure of an emotion (Mordvintsev et al. 2015)."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fer_utils.augmentation import Augmentation, augment
from fer_utils.errors import ConfigError
from fer_utils.interpretation.layers import as_batch, as_labels, frozen_copy

#: How the views of a step differ from the image.
JITTER = Augmentation(flip=0.5, rotation=8, zoom=0.08, shift=0.06)


@dataclass(frozen=True)
class Dream:
    """How a dream is made.

    octaves: sides, in pixels, of the detail that is added, coarse to fine.
    steps: gradient steps in each octave.  step_size: mean change of a pixel in one, of 1.
    views: changed copies of the image in each step; what all of them show, stays.
    smoothing: weight of the total variation, against the class's log-odds.
    pull: part of the way back to the first image that each step goes.
    """

    octaves: tuple[int, ...] = (6, 12, 24, 48)
    steps: int = 12
    step_size: float = 0.012
    views: int = 4
    smoothing: float = 12.0
    pull: float = 0.0
    jitter: Augmentation = JITTER


#: From noise, the large shapes come first; a face has them, and must stay recognizable.
FROM_NOISE = Dream()
FROM_FACE = Dream(octaves=(24, 48), steps=16, pull=0.08)


def dream(
    model: nn.Module, labels: np.ndarray, start: np.ndarray, how: Dream, *, seed: int = 0
) -> np.ndarray:
    """Return `start` changed until the net sees class labels[i] in image i, (N, H, W) float32.

    start: (N, H, W) uint8 or float in [0, 1]; the result lies in [0, 1].  Gradient ascent on the
    class's log-odds; in each octave the gradient is blurred to its detail, else fine noise wins.
    Chance comes from `seed` alone.  Raises ConfigError for an octave without pixels.
    """
    if min(how.octaves, default=0) < 1:
        raise ConfigError(f"octaves must be sides of at least one pixel, not {how.octaves}")
    model = frozen_copy(model)
    first, target = as_batch(model, start), as_labels(model, labels, start)
    generator = torch.Generator(first.device).manual_seed(seed)
    images = first.clone()
    for octave in how.octaves:
        for _ in range(how.steps):
            images.requires_grad_()
            views = augment(images.repeat(how.views, 1, 1, 1), how.jitter, generator)
            gain = log_odds(model(views), target.repeat(how.views)).sum() / how.views
            gain = gain - how.smoothing * total_variation(images).sum()
            (change,) = torch.autograd.grad(gain, images)
            change = _blurred(change, octave)
            change = change / change.abs().mean((1, 2, 3), keepdim=True).clamp_min(1e-12)
            with torch.no_grad():
                images = torch.lerp(images + how.step_size * change, first, how.pull).clamp(0, 1)
    return images[:, 0].cpu().numpy()


def log_odds(logits: Tensor, labels: Tensor) -> Tensor:
    """Return log(p / (1 - p)) of class labels[i], (N,), from logits (N, C).

    Unlike the probability, it never saturates; unlike the logit, it rises only by what speaks
    for this class and not for the others.
    """
    own = logits.gather(1, labels[:, None])[:, 0]
    others = logits.scatter(1, labels[:, None], -torch.inf)
    return own - others.logsumexp(1)


def total_variation(images: Tensor) -> Tensor:
    """Return the mean absolute difference of neighboring pixels, (N,), of (N, 1, H, W)."""
    down = (images[:, :, 1:] - images[:, :, :-1]).abs().mean((1, 2, 3))
    right = (images[:, :, :, 1:] - images[:, :, :, :-1]).abs().mean((1, 2, 3))
    return down + right


def noise(n: int, side: int = 48, *, contrast: float = 0.05, seed: int = 0) -> np.ndarray:
    """Return `n` gray images of the same noise, (n, side, side) float32 in [0, 1].

    contrast: standard deviation of a pixel, of 1.  All are equal, so that what differs between
    the dreams of two classes is the classes' doing.
    """
    generator = np.random.default_rng(seed)
    image = 0.5 + contrast * generator.standard_normal((side, side))
    return np.repeat(image.clip(0, 1).astype(np.float32)[None], n, axis=0)


def _blurred(change: Tensor, side: int) -> Tensor:
    """Return `change` with no finer detail than `side` pixels across."""
    size = change.shape[-2:]
    if side >= size[0]:
        return change
    small = F.interpolate(change, size=(side, side), mode="area")
    return F.interpolate(small, size=size, mode="bicubic", align_corners=False)
