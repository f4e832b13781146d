"""Normalization as the first layer of a net, so that its weights file says all it needs."""

import torch
from torch import Tensor, nn


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
