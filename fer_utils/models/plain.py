"""Plain nets of 3x3 convolutions (after VGG), with optional squeeze-and-excitation.

`small` is the net for phones and laptops: a plain stack of convolutions is what runs fastest on
their processors, for the accuracy that it gives.
"""

import torch
from torch import Tensor, nn


class SqueezeExcitation(nn.Module):
    """Scale each channel by what the whole image says (Hu et al. 2018)."""

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        hidden = max(8, channels // reduction)
        self.gate = nn.Sequential(
            nn.Linear(channels, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, channels),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return features of the same shape, (N, channels, H, W)."""
        return features * self.gate(features.mean((2, 3)))[:, :, None, None]


class GlobalAverage(nn.Module):
    """Average over the image: (N, C, H, W) -> (N, C)."""

    def forward(self, features: Tensor) -> Tensor:
        """Return the mean of each channel."""
        return features.mean((2, 3))


def conv_block(
    channels_in: int, channels: int, size: int = 3, *, stride: int = 1, pool: bool = False
) -> list[nn.Module]:
    """Return the layers of convolution, max-pool if wanted, batch norm, ReLU.

    The pool comes before norm and ReLU, which then have a quarter of the work.
    """
    return [
        nn.Conv2d(channels_in, channels, size, stride, padding=size // 2, bias=False),
        *([nn.MaxPool2d(2)] if pool else []),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    ]


def num_features(features: nn.Sequential, image_size: int) -> int:
    """Return how many numbers `features` makes of one image, (1, image_size, image_size)."""
    with torch.no_grad():
        count = features.eval()(torch.zeros(1, 1, image_size, image_size)).numel()
    features.train()
    return count


def _dense_head(features: nn.Sequential, image_size: int, hidden: int, dropout: float) -> list:
    return [
        nn.Flatten(),
        nn.Linear(num_features(features, image_size), hidden, bias=False),
        nn.BatchNorm1d(hidden),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
    ]


def strided(
    num_classes: int,
    image_size: int = 48,
    *,
    width: int = 32,
    hidden: int = 192,
    squeeze: bool = False,
    dropout: float = 0.3,
) -> nn.Sequential:
    """Build a plain net whose first convolution, 5x5, halves the image: seven convolutions.

    Channels, in units of `width`: 1, 2 2, pool, 4 4, pool, 6 6; a dense layer of `hidden` units
    that sees where in the face something is, or with ``hidden=0`` the average over the image.
    squeeze: squeeze-and-excitation after each pair of convolutions.

    (N, 1, image_size, image_size) float -> (N, num_classes) logits.
    """
    w = width
    features = nn.Sequential(
        *conv_block(1, w, 5, stride=2),
        *conv_block(w, 2 * w),
        *conv_block(2 * w, 2 * w, pool=True),
        *([SqueezeExcitation(2 * w)] if squeeze else []),
        *conv_block(2 * w, 4 * w),
        *conv_block(4 * w, 4 * w, pool=True),
        *([SqueezeExcitation(4 * w)] if squeeze else []),
        *conv_block(4 * w, 6 * w),
        *conv_block(6 * w, 6 * w),
        *([SqueezeExcitation(6 * w)] if squeeze else []),
    )
    if hidden:
        head = _dense_head(features, image_size, hidden, dropout)
    else:
        head, hidden = [GlobalAverage(), nn.Dropout(dropout)], 6 * w
    return nn.Sequential(*features, *head, nn.Linear(hidden, num_classes))


def vgg8(num_classes: int, image_size: int = 48) -> nn.Sequential:
    """Build a VGG-8: six 3x3 convolutions (64 to 256 channels) in pairs, two dense layers.

    Batch norm after each convolution, 50 % dropout before the output.

    (N, 1, image_size, image_size) float -> (N, num_classes) logits.
    """
    features = nn.Sequential(
        *(*conv_block(1, 64), *conv_block(64, 64, pool=True)),
        *(*conv_block(64, 128), *conv_block(128, 128, pool=True)),
        *(*conv_block(128, 256), *conv_block(256, 256, pool=True)),
    )
    head = _dense_head(features, image_size, 256, 0.5)
    return nn.Sequential(*features, *head, nn.Linear(256, num_classes))
