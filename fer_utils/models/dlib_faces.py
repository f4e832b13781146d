"""dlib's face recognition net, with the weights that come in an installed package.

A residual net of 29 convolutions with half of ResNet-34's filters, which Davis King trained on
some three million faces of 7,485 people (VGGFace, FaceScrub and the web) to tell people apart:
dlib's `dnn_face_recognition_ex.cpp`.  The package face_recognition_models carries the weights,
which are in the public domain (CC0).
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fer_utils.errors import DataError
from fer_utils.models.normalization import as_rgb
from fer_utils.paths import relative
from fer_utils.weights.dlib_dat import read_dlib_dat
from fer_utils.weights.files import require_weights

DLIB_WEIGHTS = "dlib_face_recognition"
#: Channels of each residual block; where they grow, the block halves the maps.
_BLOCKS = (*(32,) * 3, *(64,) * 4, *(128,) * 3, *(256,) * 3)
#: Convolutions and norms of dlib's last block, for which FER2013's maps are too small.
_LEFT_OUT = 4
#: Mean red, green and blue, 0 to 255, of dlib's `input_rgb_image_sized`.
_RGB_MEANS = (122.782, 117.001, 104.298)


class DlibNormalization(nn.Module):
    """What dlib's weights expect: RGB from 0 to 255, less the means, divided by 256."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(_RGB_MEANS).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, 3, H, W) of gray or RGB images (N, 1 or 3, H, W) in [0, 1]."""
        return (as_rgb(images) * 255 - self.mean) / 256


class DlibBlock(nn.Module):
    """Two 3 x 3 convolutions with norms beside the maps themselves, or beside their average.

    (N, in, H, W) -> (N, out, H, W), or half of H and W, rounded down, where `out` is larger.  There
    the convolution does not pad: of even sizes it makes maps a pixel smaller than the average
    does.  Zeros fill what it lacks, and the channels that the average lacks, as in dlib.
    """

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.halves = channels > channels_in
        stride, padding = (2, 0) if self.halves else (1, 1)
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the sum of both ways after a ReLU."""
        new = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(maps)))))
        if self.halves:
            maps = F.avg_pool2d(maps, 2)
            lacking = [0, maps.shape[3] - new.shape[3], 0, maps.shape[2] - new.shape[2]]
            new = F.pad(new, lacking)
            maps = F.pad(maps, [0, 0, 0, 0, 0, new.shape[1] - maps.shape[1]])
        return F.relu(maps + new)


def dlib_resnet() -> nn.Sequential:
    """Build dlib's net up to its last block but one (King 2017).

    (N, 3, H, W) float images as `DlibNormalization` gives them, of 80 pixels or more -> (N, 256,
    h, w) maps.  dlib's own faces have 150 pixels with a wide border; FER2013's, which fill the
    image, are as large at 112.
    """
    channels = (32, *_BLOCKS)
    return nn.Sequential(
        nn.Conv2d(3, 32, 7, stride=2),
        nn.BatchNorm2d(32),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2),
        *map(DlibBlock, channels, _BLOCKS),
    )


def load_dlib_resnet() -> nn.Sequential:
    """Return `dlib_resnet` with its published weights, in evaluation mode.

    dlib publishes each norm as a scale and an offset, its mean and variance multiplied in: the
    norms' own are 0 and 1.  Before such a net is trained see `initialization.settle_norms`.

    Raises WeightsMissing if the package is not installed, DataError if its file is not the
    published one or does not fit.
    """
    path = require_weights(DLIB_WEIGHTS)
    net = dlib_resnet().eval()
    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]
    try:
        fill_layers(layers, read_dlib_dat(path)[:-_LEFT_OUT])
    except (ValueError, RuntimeError) as error:
        raise DataError(f"{relative(path)} is not dlib's face recognition net: {error}") from error
    return net


@torch.no_grad()
def fill_layers(
    layers: Sequence[nn.Conv2d | nn.BatchNorm2d], published: Sequence[tuple[str, np.ndarray]]
) -> None:
    """Give each layer the weights that `read_dlib_dat` read for it.

    Raises ValueError for another number or kind of layers, RuntimeError for other sizes.
    """
    for layer, (kind, weights) in zip(layers, published, strict=True):
        if kind != ("con" if isinstance(layer, nn.Conv2d) else "affine"):
            raise ValueError(f"a layer of the kind {kind}")
        count = layer.weight.numel()
        layer.weight.copy_(torch.tensor(weights[:count]).view_as(layer.weight))
        layer.bias.copy_(torch.tensor(weights[count:]))
        if isinstance(layer, nn.BatchNorm2d):  # which adds eps to it
            layer.running_var.fill_(1 - layer.eps)
