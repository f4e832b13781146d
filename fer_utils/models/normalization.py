"""Crop, size and normalization as first layers of a net: whoever exports it need not know them."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class CenterCrop(nn.Module):
    """Keep the central square of `size` pixels."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, C, size, size) of images (N, C, H, W)."""
        top, left = ((side - self.size) // 2 for side in images.shape[2:])
        return images[:, :, top : top + self.size, left : left + self.size]


class Resize(nn.Module):
    """Bring images to `side` pixels, bilinear; what shrinks is averaged over."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, C, side, side) of images (N, C, H, W)."""
        shrinks = images.shape[-1] > self.side
        return F.interpolate(
            images, (self.side, self.side), mode="bilinear", align_corners=False, antialias=shrinks
        )


def as_rgb(images: Tensor) -> Tensor:
    """Return (N, 3, H, W) of gray or RGB images (N, 1 or 3, H, W)."""
    return images.expand(-1, 3, -1, -1)


class ImageNetNormalization(nn.Module):
    """What torchvision's ImageNet weights expect: RGB, less the mean, by the deviation, of each."""

    def __init__(self) -> None:
        super().__init__()
        for name, values in (("mean", (0.485, 0.456, 0.406)), ("std", (0.229, 0.224, 0.225))):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, 3, H, W) of gray or RGB images (N, 1 or 3, H, W) in [0, 1]."""
        return (as_rgb(images) - self.mean) / self.std


class ImageNormalization(nn.Module):
    """Give each image mean 0 and standard deviation 1: much of the light and contrast goes.

    Summed in float64: in float32 each runtime, with its own order of summing, gets another last
    bit, and a net that computes in 8 bits then rounds some levels the other way.
    """

    def forward(self, images: Tensor) -> Tensor:
        """Return standardized images of the same shape, float32."""
        images = images.double()
        std, mean = torch.std_mean(images, dim=(1, 2, 3), keepdim=True)
        # constant images stay finite, near-constant ones calm
        return ((images - mean) / (std + 1e-2)).float()


class PixelNormalization(nn.Module):
    """Subtract the mean of the train pixels and divide by their standard deviation.

    Both are buffers: they are saved with the weights, and an exported net takes plain pixels
    in [0, 1].
    """

    def __init__(self, mean: float = 0.0, std: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(float(mean)))
        self.register_buffer("std", torch.tensor(float(std)))

    def forward(self, images: Tensor) -> Tensor:
        """Return standardized images of the same shape."""
        return (images - self.mean) / self.std
