"""Made-up runs and outputs for the tests of the report. Nothing is trained."""

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from fer_utils.datasets.base import FaceDataset
from fer_utils.evaluation import evaluate
from fer_utils.labels import FER2013_CLASSES
from fer_utils.profiles import get_profile
from fer_utils.recipes import RECIPES, get_recipe
from fer_utils.reporting.outputs import Outputs
from fer_utils.run_keys import run_key
from fer_utils.runs import Run, RunStore, pack_predictions
from fer_utils.training import Trained

SAMPLES = 60
HARDWARE = {"device": "cpu", "name": "Test CPU", "precision": "float32", "cores": 2,
            "memory_gib": 8.0, "system": "Linux x86_64"}  # fmt: skip


def tiny_dataset(name: str = "fer2013", data_key: str = "fer2013") -> FaceDataset:
    """Return 210 random images, 70 per split, ten of each class in each."""
    rng = np.random.default_rng(0)
    return FaceDataset(
        name=name,
        source="a made-up copy",
        source_hash="0" * 64,
        data_key=data_key,
        images=rng.integers(0, 256, (210, 8, 8)).astype(np.uint8),
        labels=np.tile(np.arange(7), 30),
        split=np.repeat([0, 1, 2], 70).astype(np.uint8),
        class_names=FER2013_CLASSES,
    )


def fake_run(
    store: RunStore,
    recipe_name: str,
    profile_name: str,
    seed: int,
    right: float = 0.6,
    dataset: FaceDataset | None = None,
) -> Run:
    """Save a run whose predictions are right on about `right` of the images; TTA adds some."""
    dataset = dataset or tiny_dataset()
    recipe, profile = get_recipe(recipe_name), get_profile(profile_name)
    rng = np.random.default_rng([seed, int(100 * right)])
    predictions, metrics = {}, {}
    for split in ("valid", "test"):
        part = dataset.part(split)
        luck, y_prob = rng.random(len(part)), {}
        for step, mode in enumerate(recipe.tta):
            hit = luck < right + 0.05 * step
            shown = np.where(hit, part.labels, (part.labels + 1) % 7)
            y_prob[mode] = (0.05 + 0.65 * np.eye(7)[shown]).astype(np.float32)
        predictions |= pack_predictions(split, part, y_prob)
        seen = np.arange(len(part)) % 10 == 0
        metrics[split] = {
            mode: evaluate(part.labels, p, FER2013_CLASSES, occurs_in_train=seen, samples=SAMPLES)
            for mode, p in y_prob.items()
        }
    row = {"epoch": 1, "learning_rate": 0.1, "train_loss": 1.0, "train_accuracy": 0.5,
           "valid_loss": 1.0, "valid_accuracy": right, "seconds": 60.0}  # fmt: skip
    trained = Trained(torch.nn.Linear(2, 2), [row, row | {"epoch": 2, "train_accuracy": 0.7}], 2)
    data = {"name": dataset.name, "source": dataset.source, "source_hash": dataset.source_hash,
            "data_key": dataset.data_key, "class_names": list(FER2013_CLASSES),
            "image_size": 8}  # fmt: skip
    facts = {"profile": profile_name, "seed": seed, "epochs": recipe.epochs_for(profile),
             "best_epoch": 2, "parameters": 1234, "seconds": 120.0, "data": data,
             "hardware": HARDWARE}  # fmt: skip
    key = run_key(recipe, profile, dataset.data_key, seed)
    return store.save(recipe, key, trained, predictions, metrics, facts)


def fill_store(
    store: RunStore, profile: str = "laptop", dataset: FaceDataset | None = None
) -> None:
    """Save every run of a profile, with accuracies that differ between the recipes."""
    for number, recipe in enumerate(RECIPES.values()):
        for seed in recipe.seeds_for(get_profile(profile)):
            fake_run(store, recipe.name, profile, seed, 0.5 + 0.04 * number, dataset)


def fake_figures(outputs: Outputs, names: tuple[str, ...]) -> None:
    """Save an empty figure under each name."""
    for name in names:
        figure = Figure(figsize=(2, 1))
        figure.text(0.1, 0.4, name, fontsize=6)
        outputs.save_figure(name, figure, pd.DataFrame({"value": [1]}))
