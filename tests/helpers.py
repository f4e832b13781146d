"""Tiny data sets, recipes and runs that several test files share."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from fer_utils.datasets.base import FaceDataset
from fer_utils.labels import FER2013_CLASSES
from fer_utils.paths import ROOT
from fer_utils.profiles import Profile
from fer_utils.recipes import Recipe
from fer_utils.runs import Run, RunStore, pack_predictions
from fer_utils.training import Trained

#: Three epochs of `RECIPE`.
PROFILE = Profile("tiny", 0.03, 1, 1, True, 100, 24, 50)

#: Everything that draws on chance is on: augmentation, dropout, averaged weights.
RECIPE = Recipe(
    name="toy",
    title="Toy",
    model="five_layer",
    notebook="03_baseline_cnns",
    augmentation="cs230",
    learning_rate=0.02,
    batch_size=16,
    tta=("none", "flip"),
)


def toy_faces(
    train: int = 70, valid: int = 28, test: int = 28, size: int = 16, seed: int = 0
) -> FaceDataset:
    """Return noisy images whose class shows as the place of a bright square, seven classes."""
    generator = np.random.default_rng(seed)
    n, side = train + valid + test, size // 4
    labels = np.arange(n) % len(FER2013_CLASSES)
    images = generator.integers(0, 60, (n, size, size))
    for image, label in zip(images, labels, strict=True):
        row, column = divmod(int(label), 3)
        top, left = (1 + row * (size // 3)), (1 + column * (size // 3))
        image[top : top + side, left : left + side] += 180
    return FaceDataset(
        name="toy",
        source="squares in noise",
        source_hash="0" * 64,
        data_key=f"toy-{n}-{size}-{seed}",
        images=images.astype(np.uint8),
        labels=labels.astype(np.int64),
        split=np.repeat([0, 1, 2], [train, valid, test]).astype(np.uint8),
        class_names=FER2013_CLASSES,
    )


def weights_hash(model: nn.Module) -> str:
    """Return the SHA-256 of all weights and buffers of `model`, bit for bit."""
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(name.encode() + value.contiguous().cpu().numpy().tobytes())
    return digest.hexdigest()


def without_seconds(history: list[dict[str, float]]) -> list[dict[str, float]]:
    """Return `history` without how long its epochs took."""
    return [{k: v for k, v in row.items() if k != "seconds"} for row in history]


class TinyNet(nn.Module):
    """A linear net: quick, and its files are small."""

    def __init__(self, num_classes: int, image_size: int = 16) -> None:
        super().__init__()
        self.linear = nn.Linear(image_size**2, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits, (N, num_classes)."""
        return self.linear(images.flatten(1))


def save_run(
    store: RunStore, key: str = "0123456789abcdef", dataset: FaceDataset | None = None
) -> Run:
    """Save a run of the recipe `toy`, model `tiny` (register `TinyNet` for it), untrained."""
    from fer_utils.evaluation import predict
    from fer_utils.models import build_model

    dataset = dataset or toy_faces()
    model = build_model("tiny", num_classes=7, image_size=16, mean=0.2, std=0.3)
    predictions, metrics = {}, {}
    for split in ("valid", "test"):
        part = dataset.part(split)
        predictions |= pack_predictions(split, part, predict(model, part.images, RECIPE.tta))
        metrics[split] = {mode: {"accuracy": 0.5} for mode in RECIPE.tta}
    history = [{"epoch": 1, "train_loss": 1.5, "valid_accuracy": 0.25, "seconds": 1.0}]
    facts = {
        "profile": "tiny",
        "seed": 3,
        "data": {"class_names": list(dataset.class_names), "image_size": 16},
    }
    recipe = replace(RECIPE, model="tiny")
    return store.save(recipe, key, Trained(model, history, 1), predictions, metrics, facts)


def run_python(code: str) -> subprocess.CompletedProcess:
    """Run `code` in a new process, where TensorFlow may be, and return the finished process."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=600,
    )
