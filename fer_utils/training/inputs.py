"""What a net is trained on: images, or the features that a frozen backbone makes of them."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from fer_utils.augmentation import as_channels, augment, get_augmentation, to_float
from fer_utils.datasets.base import FaceDataset
from fer_utils.errors import ConfigError
from fer_utils.evaluation import predict
from fer_utils.recipes import Recipe
from fer_utils.training.frozen_features import frozen_features

#: Augmentations that a frozen backbone's stored features allow: the images, and mirrored ones.
STORED_VIEWS = ("none", "flip")


class Inputs(Protocol):
    """What a training session asks for.

    trained: the part of the model that batches go into and that is trained.
    """

    trained: nn.Module

    def __len__(self) -> int:
        """Return the number of train images."""

    def batch(self, positions: Tensor, generator: torch.Generator) -> Tensor:
        """Return what goes into `trained` of the train images at `positions`, (B,) int64."""

    def valid_probabilities(self) -> np.ndarray:
        """Return the class probabilities of the valid images, (N, C) float32."""


def training_inputs(
    recipe: Recipe,
    model: nn.Sequential,
    train_part: FaceDataset,
    valid_part: FaceDataset,
    device: torch.device,
) -> Inputs:
    """Return features where the recipe freezes the whole backbone, else images."""
    make = _Features if recipe.frozen == "backbone" else _Images
    return make(recipe, model, train_part, valid_part, device)


class _Images:
    def __init__(self, recipe, model, train_part, valid_part, device) -> None:
        self.trained, self.valid_images = model, valid_part.images
        self.how = get_augmentation(recipe.augmentation)
        self.images = as_channels(torch.from_numpy(np.array(train_part.images))).to(device)

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, positions: Tensor, generator: torch.Generator) -> Tensor:
        return augment(to_float(self.images[positions]), self.how, generator)

    def valid_probabilities(self) -> np.ndarray:
        return predict(self.trained, self.valid_images)["none"]


class _Features:
    """The backbone's features of each image and its mirror image, made once and kept."""

    def __init__(self, recipe, model, train_part, valid_part, device) -> None:
        if recipe.augmentation not in STORED_VIEWS or recipe.mixing != "none":
            raise ConfigError(
                f"{recipe.name}: the features of a frozen backbone are made once, which allows "
                f"augmentation {' or '.join(STORED_VIEWS)} and no mixing"
            )
        self.trained, self.flip = model.net.head, get_augmentation(recipe.augmentation).flip
        views = ("none", "mirror") if self.flip else ("none",)
        made = [frozen_features(recipe, model, train_part.images, view) for view in views]
        self.features = torch.from_numpy(np.stack(made)).to(device)
        valid = frozen_features(recipe, model, valid_part.images, "none")
        self.valid_features = torch.from_numpy(valid).to(device)

    def __len__(self) -> int:
        return self.features.shape[1]

    def batch(self, positions: Tensor, generator: torch.Generator) -> Tensor:
        draws = torch.rand(len(positions), generator=generator, device=positions.device)
        return self.features[(draws < self.flip).long(), positions].float()

    @torch.inference_mode()
    def valid_probabilities(self) -> np.ndarray:
        return self.trained.eval()(self.valid_features.float()).softmax(1).cpu().numpy()
