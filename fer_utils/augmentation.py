"""Image augmentation of whole batches on the device, and the views of test-time augmentation.

Images here are (N, C, H, W) float32 in [0, 1], gray (C = 1) or RGB (C = 3).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from fer_utils.errors import unknown_name


@dataclass(frozen=True)
class Augmentation:
    """Ranges that random changes are drawn from, each uniformly and for each image anew.

    flip: probability of a horizontal mirror image.
    rotation: largest angle, degrees, either way.
    zoom: largest relative change of size, either way.
    shift: largest horizontal and vertical shift, as a part of the image's side, either way.
    erasing: probability that a rectangle is painted over with the image's mean gray (Zhong et
        al. 2020); its sides are 15 to 45 % of the image's.
    """

    flip: float = 0.0
    rotation: float = 0.0
    zoom: float = 0.0
    shift: float = 0.0
    erasing: float = 0.0


AUGMENTATIONS = {
    "none": Augmentation(),
    "flip": Augmentation(flip=0.5),
    # cs230-fer's: mirror, 10 degrees, 10 % zoom, 10 % shift
    "cs230": Augmentation(flip=0.5, rotation=10, zoom=0.1, shift=0.1),
    # room for a random crop of seven eighths of the side, as cs230-facenet's 224 of 256
    "random_crop": Augmentation(flip=0.5, shift=1 / 16),
    "erasing": Augmentation(flip=0.5, rotation=10, zoom=0.1, shift=0.1, erasing=0.5),
    "strong": Augmentation(flip=0.5, rotation=15, zoom=0.15, shift=0.1, erasing=0.5),
}


def get_augmentation(name: str) -> Augmentation:
    """Return the augmentation called `name`; raise ConfigError for an unknown one."""
    if name not in AUGMENTATIONS:
        raise unknown_name("augmentation", name, AUGMENTATIONS)
    return AUGMENTATIONS[name]


def as_channels(images: Tensor) -> Tensor:
    """Return images (N, H, W) or (N, H, W, 3) as (N, 1, H, W) or (N, 3, H, W)."""
    return images[:, None] if images.ndim == 3 else images.movedim(3, 1)


def to_float(images: Tensor) -> Tensor:
    """Return uint8 images (N, C, H, W) as float32 in [0, 1]."""
    return images.float().div_(255)


def warp(images: Tensor, angle: Tensor, scale: Tensor, shift: Tensor, mirror: Tensor) -> Tensor:
    """Rotate, zoom, shift and mirror each image of a batch about its center.

    angle: (N,) radians, counter-clockwise; scale: (N,) magnification; shift: (N, 2) right and
    down, as a part of the side; mirror: (N,) bool.  Bilinear; outside the image its edge goes
    on.  Same shape out.
    """
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    sign = torch.where(mirror, -1.0, 1.0)
    # grid_sample asks, for each output point, where in the input it comes from
    dx, dy = -2 * shift[:, 0], -2 * shift[:, 1]
    rows = (
        torch.stack((sign * cosine, -sign * sine, sign * (cosine * dx - sine * dy)), dim=1),
        torch.stack((sine, cosine, sine * dx + cosine * dy), dim=1),
    )
    matrix = torch.stack(rows, dim=1)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def augment(images: Tensor, how: Augmentation, generator: torch.Generator) -> Tensor:
    """Return a randomly changed copy of each image; draws from `generator` alone."""
    n, device = len(images), images.device

    def uniform(largest: float, *shape: int) -> Tensor:
        return (torch.rand(n, *shape, generator=generator, device=device) * 2 - 1) * largest

    mirror = torch.rand(n, generator=generator, device=device) < how.flip
    if how.rotation or how.zoom or how.shift:
        angle = uniform(math.radians(how.rotation))
        images = warp(images, angle, 1 + uniform(how.zoom), uniform(how.shift, 2), mirror)
    else:
        images = torch.where(mirror[:, None, None, None], images.flip(3), images)
    if not how.erasing:
        return images
    chosen = torch.rand(n, generator=generator, device=device) < how.erasing
    sides = 0.15 + 0.3 * torch.rand(n, 2, generator=generator, device=device)
    centers = torch.rand(n, 2, generator=generator, device=device)
    inside = rectangles(centers, sides, images.shape[2:]) & chosen[:, None, None, None]
    return torch.where(inside, images.mean((2, 3), keepdim=True), images)


def rectangles(centers: Tensor, sides: Tensor, shape: Sequence[int]) -> Tensor:
    """Return masks (N, 1, H, W), bool, of one rectangle each; `shape` is (H, W).

    centers, sides: (N, 2) vertical and horizontal, as parts of the image's height and width;
    what lies outside the image is cut off.
    """
    inside = []
    for axis, length in enumerate(shape):
        places = (torch.arange(length, device=centers.device) + 0.5) / length
        away = (places[None] - centers[:, axis, None]).abs()
        inside.append(away < sides[:, axis, None] / 2)
    return (inside[0][:, :, None] & inside[1][:, None, :])[:, None]


#: The seven augmented views of cs230-fer's test-time augmentation, here fixed ones, so that a
#: prediction does not depend on chance: (angle in degrees, scale, shift right, shift down).
SEVEN_VIEWS = (
    (-6, 1.0, 0.0, 0.0),
    (6, 1.0, 0.0, 0.0),
    (0, 0.95, 0.0, 0.0),
    (0, 1.06, 0.0, 0.0),
    (0, 1.0, -0.04, 0.0),
    (0, 1.0, 0.04, 0.0),
    (0, 1.0, 0.0, 0.04),
)

#: Modes of test-time augmentation and how many views' class probabilities each averages.
TTA_VIEWS = {"none": 1, "flip": 2, "flip_and_seven": 2 + len(SEVEN_VIEWS)}


def tta_views(images: Tensor, mode: str) -> list[Tensor]:
    """Return the views, each like `images`, whose predictions `mode` averages.

    ``none``: the image; ``flip``: it and its mirror image; ``flip_and_seven``: these two and
    seven slightly rotated, zoomed or shifted ones, every other one mirrored (cs230-fer).
    The views of a mode begin with those of the mode before it.
    """
    if mode not in TTA_VIEWS:
        raise unknown_name("test-time augmentation", mode, TTA_VIEWS)
    views = [images]
    if mode != "none":
        views.append(images.flip(3))
    if mode == "flip_and_seven":
        for number, (degrees, scale, right, down) in enumerate(SEVEN_VIEWS):
            ones = images.new_ones(len(images))
            shift = torch.stack((ones * right, ones * down), dim=1)
            mirror = torch.full_like(ones, number % 2, dtype=torch.bool)
            views.append(warp(images, ones * math.radians(degrees), ones * scale, shift, mirror))
    return views
