"""From a data set to what a recipe trains on."""

from fer_utils.datasets.base import FaceDataset
from fer_utils.datasets.ferplus import as_ferplus
from fer_utils.recipes import Recipe


def prepare(recipe: Recipe, dataset: FaceDataset) -> FaceDataset:
    """Return `dataset` with the labels that `recipe` learns.

    Raises DataError where votes are needed and missing.
    """
    return as_ferplus(dataset) if recipe.dataset == "ferplus" else dataset
