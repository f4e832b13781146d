"""Distillation: a small net learns from the class probabilities of an ensemble (Hinton 2015)."""

import numpy as np

from fer_utils.datasets.base import FaceDataset
from fer_utils.errors import RunError
from fer_utils.evaluation import predict
from fer_utils.hardware import pick_device
from fer_utils.profiles import Profile
from fer_utils.recipes import Recipe
from fer_utils.run_keys import teacher_runs
from fer_utils.runs import RunStore


def teacher_probabilities(
    recipe: Recipe, dataset: FaceDataset, profile: Profile, store: RunStore
) -> np.ndarray | None:
    """Return what the teachers of `recipe` say of its train images, (N, C) float32, or None.

    The uniform soft vote of their runs, each averaged over the image and its mirror image.
    Only train images are looked at.  Raises RunError when a teacher's run or its weights are
    not in the store.
    """
    if not recipe.teacher:
        return None
    images, total = dataset.part("train").images, 0.0
    keys = teacher_runs(recipe, profile, dataset.data_key)
    for (name, seed), key in keys.items():
        run = store.find(key)
        if run is None or not run.has_weights:
            raise RunError(
                f"{recipe.name} learns from {name}, seed {seed}, which has no weights here: run "
                f"`python -m fer_utils train {name} --seeds {seed} --profile {profile.name} "
                "--with-weights` first"
            )
        total = total + predict(run.load_model().to(pick_device()), images, ("flip",))["flip"]
    return (total / len(keys)).astype(np.float32)
