"""Mixing of the images of a batch and of their labels: mixup and cutmix."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fer_utils.augmentation import rectangles
from fer_utils.errors import unknown_name


@dataclass(frozen=True)
class Mixing:
    """How the images of a batch are mixed in pairs.

    method: "mixup", weighted means (Zhang et al. 2018), or "cutmix", a rectangle of the one in
        the other (Yun et al. 2019).
    alpha: of the Beta distribution that the weight of the first image is drawn from.
    share: part of the images that are mixed.
    until: part of the epochs after which none are: the last ones see real faces.
    """

    method: str
    alpha: float
    share: float = 1.0
    until: float = 0.85


MIXINGS = {
    "none": None,
    "mixup": Mixing("mixup", alpha=0.2),
    "cutmix": Mixing("cutmix", alpha=1.0, share=0.5),
}


def get_mixing(name: str) -> Mixing | None:
    """Return the mixing called `name`; raise ConfigError for an unknown one."""
    if name not in MIXINGS:
        raise unknown_name("mixing", name, MIXINGS)
    return MIXINGS[name]


def mix(images: Tensor, targets: Tensor, how: Mixing) -> tuple[Tensor, Tensor]:
    """Mix each image with its neighbor in the (shuffled) batch, and their targets alike.

    images: (N, 1, H, W) float; targets: (N, C) float, rows sum to one.  Same shapes out.
    Draws from torch's global random state.
    """
    n, device = len(images), images.device
    alpha = torch.full((), how.alpha, device=device)
    first = torch.distributions.Beta(alpha, alpha, validate_args=False).sample((n,))
    first = torch.where(torch.rand(n, device=device) < how.share, first, 1.0)
    others = images.roll(1, 0)
    if how.method == "mixup":
        weight = first[:, None, None, None]
        mixed = images * weight + others * (1 - weight)
    else:
        sides = (1 - first).sqrt()[:, None].expand(n, 2)
        inside = rectangles(torch.rand(n, 2, device=device), sides, images.shape[2:])
        mixed = torch.where(inside, others, images)
        first = 1 - inside.float().mean((1, 2, 3))  # the rectangle may reach over the edge
    return mixed, targets * first[:, None] + targets.roll(1, 0) * (1 - first[:, None])
