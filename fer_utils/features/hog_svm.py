"""The classical floor: HOG features and a linear support vector machine, no net at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.svm import LinearSVC
from tqdm.auto import tqdm

from fer_utils.datasets.base import FaceDataset
from fer_utils.datasets.cache import Arrays, cached_arrays
from fer_utils.errors import ConfigError, DataError
from fer_utils.features.hog import hog_features
from fer_utils.features.hog_spec import HogSpec
from fer_utils.files import sha256_json
from fer_utils.paths import DATA_CACHE

CACHE = DATA_CACHE / "hog_svm"
#: Costs of an error (C of scikit-learn) that are tried: the smaller, the more regularization.
GRID = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)


@dataclass(frozen=True, eq=False)
class HogSvm:
    """What the chosen machine says of valid and test.

    cost: the C with the highest valid accuracy.  valid_accuracy: of each C that was tried, a
    fraction of one.  valid_scores, test_scores: (N, C) float32 distances to each class's
    hyperplane; the highest is the prediction.
    """

    cost: float
    valid_accuracy: dict[float, float]
    valid_scores: np.ndarray
    test_scores: np.ndarray


def hog_svm(
    dataset: FaceDataset,
    spec: HogSpec = HogSpec(),  # noqa: B008 - frozen
    *,
    grid: Sequence[float] = GRID,
    cache: Path | None = CACHE,
    progress: bool = True,
) -> HogSvm:
    """Fit one linear SVM per C on train, choose by valid, and predict test with that one.

    One class against the rest, squared hinge loss (LIBLINEAR; Fan et al. 2008).  cache: folder
    that keeps the result for this data, spec and grid; None to keep nothing.  Raises
    DataError when a split has no images or train only one class, ConfigError for no C.
    """
    if not grid:
        raise ConfigError("hog_svm needs at least one cost C in grid")

    def build() -> tuple[Arrays, dict]:
        return _fitted(dataset, spec, grid, progress), {}

    if cache is None:
        arrays, _ = build()
    else:
        described = {"data": dataset.data_key, "spec": vars(spec), "grid": list(grid)}
        arrays, _ = cached_arrays(cache / sha256_json(described)[:16], described, build)
    accuracies = dict(zip(grid, arrays["valid_accuracies"].tolist(), strict=True))
    cost = max(accuracies, key=accuracies.__getitem__)
    return HogSvm(cost, accuracies, arrays["valid_scores"], arrays["test_scores"])


def _fitted(dataset: FaceDataset, spec: HogSpec, grid: Sequence[float], progress: bool) -> Arrays:
    positions = {split: dataset.indices(split) for split in ("train", "valid", "test")}
    for split, found in positions.items():
        if not len(found):
            raise DataError(f"{dataset.name}: no {split} images; the HOG SVM needs some")
    labels = {split: dataset.labels[found] for split, found in positions.items()}
    if len(np.unique(labels["train"])) < 2:
        raise DataError(f"{dataset.name}: train has one class only; the HOG SVM needs two")
    features = hog_features(dataset.images, spec, progress=progress)
    train = np.ascontiguousarray(features[positions["train"]])
    machines, accuracies = [], []
    for cost in tqdm(grid, desc="HOG SVM", unit="C", leave=False, disable=not progress):
        machine = LinearSVC(C=cost, tol=0.01, random_state=0).fit(train, labels["train"])
        scores = _scores(machine, features[positions["valid"]], dataset.num_classes)
        machines.append((machine, scores))
        accuracies.append((scores.argmax(axis=1) == labels["valid"]).mean())
    machine, valid_scores = machines[int(np.argmax(accuracies))]
    return {
        "valid_accuracies": np.array(accuracies),
        "valid_scores": valid_scores,
        "test_scores": _scores(machine, features[positions["test"]], dataset.num_classes),
    }


def _scores(machine: LinearSVC, features: np.ndarray, num_classes: int) -> np.ndarray:
    """Return (N, num_classes) float32; a class that train lacks is never the highest."""
    found = machine.decision_function(features)
    if found.ndim == 1:  # two classes have one hyperplane
        found = np.stack((-found, found), axis=1)
    scores = np.full((len(features), num_classes), -np.inf, np.float32)
    scores[:, machine.classes_] = found
    return scores
