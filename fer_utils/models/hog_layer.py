"""Histograms of oriented gradients as a layer of a net: no weights, nothing to learn."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fer_utils.features.hog_spec import HogSpec

#: Gray levels below which a gradient counts as zero, or as lying on the edge of its bin.  A mean
#: that was subtracted leaves rounding errors of 1e-5; whole gray levels are never this close.
TOLERANCE = 2e-4


class HogLayer(nn.Module):
    """The HOG features of an image, the same numbers as `skimage.feature.hog` (L2-Hys).

    (N, 1, H, W) float, gray levels 0 to 255 as 0 to 1, plus any constant -> (N, F) float32.
    The constant falls out of the gradients, so a net that subtracts the mean of the train
    pixels still sees the raw image's HOG.  No gradient flows back to the image.
    """

    def __init__(self, spec: HogSpec = HogSpec()) -> None:  # noqa: B008 - frozen
        super().__init__()
        self.spec = spec
        edges = torch.arange(1, spec.orientations) * math.pi / spec.orientations
        # not saved with the weights: the spec says it all
        self.register_buffer("edge_cos", edges.cos().view(1, -1, 1, 1), persistent=False)
        self.register_buffer("edge_sin", edges.sin().view(1, -1, 1, 1), persistent=False)
        bins = torch.arange(spec.orientations).view(1, -1, 1, 1)
        self.register_buffer("bins", bins, persistent=False)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Return the features of each image, (N, F) float32, in scikit-image's order."""
        with torch.autocast(images.device.type, enabled=False):
            return self._normalized_blocks(self._cell_histograms(images.float() * 255))

    def _cell_histograms(self, images: Tensor) -> Tensor:
        """Return the mean gradient of each cell by orientation, (N, orientations, rows, cols)."""
        # central differences; zero at the border, where one neighbor is missing
        down = F.pad(images[:, :, 2:] - images[:, :, :-2], (0, 0, 1, 1))
        right = F.pad(images[:, :, :, 2:] - images[:, :, :, :-2], (1, 1, 0, 0))
        magnitude = torch.sqrt(down**2 + right**2)
        # an orientation has no sign: turn each gradient into the half plane of 0 to 180 degrees
        turn = (down < -TOLERANCE) | ((down <= TOLERANCE) & (right < 0))
        sign = 1 - 2 * turn.float()
        down, right = sign * down, sign * right
        # the bin of a gradient is the number of bin edges that it has passed
        passed = down * self.edge_cos - right * self.edge_sin >= -TOLERANCE
        votes = magnitude * (passed.sum(1, keepdim=True) == self.bins)
        return F.avg_pool2d(votes, self.spec.cell)

    def _normalized_blocks(self, histograms: Tensor) -> Tensor:
        """Return overlapping blocks of cells, each of length one with no entry above 0.2."""
        side = self.spec.block
        blocks = histograms.unfold(2, side, 1).unfold(3, side, 1)  # (N, O, rows, cols, side, side)
        blocks = blocks.permute(0, 2, 3, 4, 5, 1).flatten(3)
        blocks = _unit_length(_unit_length(blocks).clamp(max=0.2))
        return blocks.flatten(1)


def _unit_length(blocks: Tensor, epsilon: float = 1e-5) -> Tensor:
    return blocks / torch.sqrt((blocks**2).sum(-1, keepdim=True) + epsilon**2)
