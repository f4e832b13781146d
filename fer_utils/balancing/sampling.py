"""Batches in which each class is equally likely, whatever the data set holds."""

import torch
from torch import Tensor


def balanced_order(labels: Tensor, generator: torch.Generator) -> Tensor:
    """Draw the images of one epoch so that each class is equally likely.

    labels: (N,) int64, on the generator's device.  Returns (N,) int64 positions on the same
    device, drawn with replacement: an image of a class with n images has weight 1 / n, so
    that one of a rare class comes several times an epoch and many of a frequent one not at all.
    Draws from `generator` alone.
    """
    counts = torch.bincount(labels)
    weights = 1 / counts[labels].float()
    return torch.multinomial(weights, len(labels), replacement=True, generator=generator)
