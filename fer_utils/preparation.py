"""From a data set to what a recipe trains on: whose labels, which images, how many of a class."""

import numpy as np

from fer_utils.balancing.resampling import METHODS, resample
from fer_utils.cleaning import clean
from fer_utils.datasets.base import FaceDataset
from fer_utils.datasets.ferplus import as_ferplus
from fer_utils.recipes import Recipe


def prepare(recipe: Recipe, dataset: FaceDataset) -> FaceDataset:
    """Return `dataset` with the labels that `recipe` learns, its train split cleaned.

    Valid and test lose images only where their labels say so (FER+), never by cleaning.
    Raises ConfigError for an unknown cleaning, DataError where votes are needed and missing.
    """
    if recipe.dataset == "ferplus":
        dataset = as_ferplus(dataset)
    dataset = clean(dataset, recipe.cleaning)[0]
    return draw_train(dataset, recipe.train_images) if recipe.train_images else dataset


def draw_train(dataset: FaceDataset, images: int) -> FaceDataset:
    """Return `dataset` with so many of its train images, always the same ones, half at most."""
    train = dataset.indices("train")
    drawn = np.random.default_rng(0).permutation(train)[: min(images, len(train) // 2)]
    kept = np.ones(len(dataset), bool)
    kept[np.setdiff1d(train, drawn)] = False
    return dataset.take(np.flatnonzero(kept))


def training_part(recipe: Recipe, prepared: FaceDataset, seed: int) -> FaceDataset:
    """Return the train images of a prepared data set, resampled as `recipe` says.

    Raises DataError when a class has too few images for the method.
    """
    part = prepared.part("train")
    return resample(part, recipe.balancing, seed) if recipe.balancing in METHODS else part
