"""Crop and normalization as first layers of a net: whoever exports it need not know of them."""

import torch
from torch import Tensor, nn


class CenterCrop(nn.Module):
    """Keep the central square of `size` pixels."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, C, size, size) of images (N, C, H, W)."""
        top, left = ((side - self.size) // 2 for side in images.shape[2:])
        return images[:, :, top : top + self.size, left : left + self.size]


class ImageNormalization(nn.Module):
    """Give each image mean 0 and standard deviation 1: much of the light and contrast goes."""

    def forward(self, images: Tensor) -> Tensor:
        """Return standardized images of the same shape."""
        images = images.float()
        std, mean = torch.std_mean(images, dim=(1, 2, 3), keepdim=True)
        return (images - mean) / (
            std + 1e-2
        )  # constant images stay finite, near-constant ones calm


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
