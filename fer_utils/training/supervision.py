"""What a net is told of each train image, and the loss that measures how well it listens."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from fer_utils.balancing import class_weights
from fer_utils.datasets.base import FaceDataset
from fer_utils.datasets.ferplus import vote_distribution
from fer_utils.errors import DataError
from fer_utils.recipes import Recipe
from fer_utils.training.losses import (
    cosine_embedding_loss,
    distillation_loss,
    focal_loss,
    logit_adjustment,
)

#: Balancing that the loss is weighted by; made faces go with it in hust-balance and cs230-facenet.
WEIGHTED = ("class_weights", "augmented_rare", "augmented_small")


class Supervision:
    """Labels, votes and a teacher's word on the train images, on the device, and the loss."""

    def __init__(
        self,
        recipe: Recipe,
        part: FaceDataset,
        device: torch.device,
        teacher: np.ndarray | None = None,
    ) -> None:
        """teacher: (N, C) float32 probabilities, or None. Raises DataError for missing votes."""

        def on_device(array: np.ndarray | None) -> Tensor | None:
            return None if array is None else torch.from_numpy(array).to(device)

        self.recipe, self.num_classes = recipe, part.num_classes
        self.labels = on_device(part.labels.astype(np.int64))
        self.teacher = on_device(teacher)
        self.votes = on_device(_votes(part) if recipe.targets != "label" else None)
        self.weights = self.offsets = None
        if recipe.balancing in WEIGHTED:
            self.weights = on_device(class_weights(part.labels, part.num_classes))
        if recipe.loss == "logit_adjustment":
            self.offsets = on_device(logit_adjustment(part.labels, part.num_classes))

    def targets(self, batch: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """Return what the images at `batch` are, and what the teacher says of them.

        batch: (B,) int64.  The first is (B,) int64 labels or (B, C) float32 probabilities, the
        second (B, C) float32 or None.
        """
        taught = None if self.teacher is None else self.teacher[batch]
        if self.votes is None:
            return self.labels[batch], taught
        shares = self.votes[batch]
        if self.recipe.targets == "sampled_votes":
            return torch.multinomial(shares, 1, generator=generator).squeeze(1), taught
        return shares, taught

    def loss(self, logits: Tensor, targets: Tensor, taught: Tensor | None) -> Tensor:
        """Return the loss of (B, C) float32 logits, a scalar."""
        measure = focal_loss if self.recipe.loss == "focal" else F.cross_entropy
        if self.offsets is not None:
            logits = logits + self.offsets
        loss = measure(
            logits, targets, weight=self.weights, label_smoothing=self.recipe.label_smoothing
        )
        if self.recipe.cosine_share:
            loss = loss + self.recipe.cosine_share * cosine_embedding_loss(logits, targets)
        if taught is None:
            return loss
        distance = distillation_loss(logits, taught, self.recipe.temperature)
        return torch.lerp(loss, distance, self.recipe.teacher_share)


def _votes(part: FaceDataset) -> np.ndarray:
    """Return the vote distribution of each image, (N, 8) float32; of none is all zero."""
    if part.votes is None:
        raise DataError(f"{part.source}: training on votes needs FER+'s votes")
    shares = vote_distribution(part.votes)
    if part.num_classes != shares.shape[1] or not shares.any(1).all():
        raise DataError(
            f"{part.source}: training on votes needs FER+'s eight classes, and images that have "
            "a vote for one of them: set the recipe's dataset to ferplus"
        )
    return shares
