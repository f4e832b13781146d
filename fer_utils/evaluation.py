"""Predictions of a trained net, and how good they are, with intervals."""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import pandas as pd
import torch
from torch import nn

from fer_utils.augmentation import TTA_VIEWS, as_channels, to_float, tta_views
from fer_utils.errors import DataError
from fer_utils.hardware import autocast

#: A probability of zero counts as this much where its logarithm is needed, as in scikit-learn.
SMALLEST_PROBABILITY = float(np.finfo(np.float64).eps)


@torch.inference_mode()
def predict(
    model: nn.Module, images: np.ndarray, modes: Sequence[str] = ("none",), batch_size: int = 512
) -> dict[str, np.ndarray]:
    """Return the class probabilities of `images` for each mode of test-time augmentation.

    images: (N, H, W) or (N, H, W, 3) uint8.  Each value of the result is (N, C) float32, rows sum
    to one: the mean of the probabilities of the mode's views.  The model's own device and
    precision are used; it is left in evaluation mode.
    """
    device = next(model.parameters()).device
    longest = max(modes, key=lambda mode: TTA_VIEWS[mode])  # its views begin with the others'
    parts: dict[str, list[np.ndarray]] = {mode: [] for mode in modes}
    model.eval()
    for start in range(0, len(images), batch_size):
        batch = torch.from_numpy(np.array(images[start : start + batch_size])).to(device)
        total = 0.0
        for number, view in enumerate(tta_views(to_float(as_channels(batch)), longest), start=1):
            with autocast(device, model):
                logits = model(view)
            total = total + logits.float().softmax(dim=1)
            for mode in modes:
                if TTA_VIEWS[mode] == number:
                    parts[mode].append((total / number).cpu().numpy())
    return {mode: np.concatenate(part) for mode, part in parts.items()}


def confusion_matrix(
    y_true: np.ndarray, y_pred: np.ndarray, num_classes: int, weights: np.ndarray | None = None
) -> np.ndarray:
    """Return counts of (true class, predicted class), (C, C) or, for (B, N) weights, (B, C, C)."""
    cells = y_true * num_classes + y_pred
    if weights is None:
        flat = np.bincount(cells, minlength=num_classes**2)
        return flat.reshape(num_classes, num_classes)
    one_hot = np.zeros((len(cells), num_classes**2), np.float32)
    one_hot[np.arange(len(cells)), cells] = 1
    return (weights.astype(np.float32) @ one_hot).reshape(-1, num_classes, num_classes)


def _divide(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    out = np.zeros(np.shape(part))
    return np.divide(part, whole, out=out, where=whole > 0, dtype=np.float64)


def accuracy(confusion: np.ndarray) -> np.ndarray:
    """Return the part of images on the diagonal of (..., C, C) counts."""
    return _divide(np.trace(confusion, axis1=-2, axis2=-1), confusion.sum((-2, -1)))


def recall(confusion: np.ndarray) -> np.ndarray:
    """Return the recall of each class, (..., C); 0 for a class without images."""
    return _divide(np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(-1))


def precision(confusion: np.ndarray) -> np.ndarray:
    """Return the precision of each class, (..., C); 0 for a class that is never predicted."""
    return _divide(np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(-2))


def balanced_accuracy(confusion: np.ndarray) -> np.ndarray:
    """Return the mean recall of the classes that have images."""
    present = confusion.sum(-1) > 0
    return _divide((recall(confusion) * present).sum(-1), present.sum(-1))


def f1(confusion: np.ndarray) -> np.ndarray:
    """Return the F1 score of each class, (..., C)."""
    total = confusion.sum(-1) + confusion.sum(-2)
    return _divide(2 * np.diagonal(confusion, axis1=-2, axis2=-1), total)


def macro_f1(confusion: np.ndarray) -> np.ndarray:
    """Return the mean F1 score of the classes that occur, true or predicted."""
    present = (confusion.sum(-1) + confusion.sum(-2)) > 0
    return _divide((f1(confusion) * present).sum(-1), present.sum(-1))


def true_class_probabilities(y_true: np.ndarray, y_prob: np.ndarray) -> np.ndarray:
    """Return what (..., N, C) probabilities give the true class of each image, (..., N)."""
    return y_prob[..., np.arange(len(y_true)), y_true]


def log_loss(y_true: np.ndarray, y_prob: np.ndarray) -> np.ndarray:
    """Return the mean negative logarithm of the true class's probability.

    y_prob: (..., N, C), for instance of several models -> (...) float, of each.
    """
    true_class = true_class_probabilities(y_true, y_prob)
    return -np.log(np.maximum(true_class, SMALLEST_PROBABILITY)).mean(axis=-1)


def expected_calibration_error(y_true: np.ndarray, y_prob: np.ndarray, bins: int = 15) -> float:
    """Return the mean gap between confidence and accuracy over equal bins (Guo et al. 2017)."""
    confidence, hit = y_prob.max(1), y_prob.argmax(1) == y_true
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(which, hit - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(y_true))


#: The measures of a model as a whole, each of (..., C, C) counts, by their names in `evaluate`.
METRICS = {"accuracy": accuracy, "macro_f1": macro_f1, "balanced_accuracy": balanced_accuracy}


def resample_weights(
    n: int, samples: int, seed: int = 0, groups: np.ndarray | None = None
) -> np.ndarray:
    """Return how often each of `n` images occurs in each bootstrap resample, (samples, n) uint8.

    groups: (n,), equal for images that belong together, as those of one person do
    (`FaceDataset.people`).  Then groups are drawn, as many as there are, each with all of its
    images: the cluster bootstrap (Field & Welsh 2007, "Bootstrapping clustered data").  Images of
    one group are right or wrong together, so they tell less than as many images of different
    ones, and a resample has `n` images only on average: divide by its own sum.

    The resamples of as many images, or groups, are always the same ones: differences are paired.
    Raises DataError when `groups` is not of `n` images.
    """
    if groups is None:
        return _draws(n, samples, seed)
    if len(groups) != n:
        raise DataError(f"{len(groups)} groups for {n} images: give the group of each image")
    which, names = pd.factorize(np.asarray(groups))  # numbered as they come
    return _draws(len(names), samples, seed)[:, which]


@lru_cache(maxsize=8)
def _draws(n: int, samples: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    weights = generator.multinomial(n, np.full(n, 1 / n), size=samples).astype(np.uint8)
    weights.flags.writeable = False  # all callers share it
    return weights


def resampled_confusions(
    y_true: np.ndarray,
    y_preds: Sequence[np.ndarray],
    num_classes: int,
    samples: int = 2_000,
    groups: np.ndarray | None = None,
) -> np.ndarray:
    """Return confusion matrices on resamples that all models share, (M, samples, C, C) float32.

    y_true, groups: (N,), see `resample_weights`; y_preds: (N,) of each of M models or runs.
    """
    weights = resample_weights(len(y_true), samples, groups=groups)
    return np.stack([confusion_matrix(y_true, one, num_classes, weights) for one in y_preds])


def interval(values: np.ndarray) -> list[float]:
    """Return the 2.5 and 97.5 percentiles of `values` along the first axis."""
    return np.percentile(values, [2.5, 97.5], axis=0).tolist()


def bootstrap_interval(
    predictions: Sequence[tuple[np.ndarray, np.ndarray]],
    num_classes: int,
    metric: Callable[[np.ndarray], np.ndarray] = accuracy,
    samples: int = 2_000,
    groups: np.ndarray | None = None,
) -> list[float]:
    """Return the 95 % bootstrap interval of a metric's mean over several runs on one test set.

    predictions: (y_true, y_prob) of each run, the same images in the same order.  The images
    are resampled, or their `groups` (see `resample_weights`), the same for all runs; the interval
    says how far another test set of this size might move the mean, not how much random seeds
    differ.
    """
    y_preds = [y_prob.argmax(1) for _, y_prob in predictions]
    resampled = resampled_confusions(predictions[0][0], y_preds, num_classes, samples, groups)
    return interval(metric(resampled).mean(axis=0))


def evaluate(
    y_true: np.ndarray,
    y_prob: np.ndarray,
    class_names: Sequence[str],
    *,
    occurs_in_train: np.ndarray | None = None,
    samples: int = 2_000,
    groups: np.ndarray | None = None,
) -> dict[str, object]:
    """Return all metrics of one set of predictions, as JSON-ready parts (fractions of one).

    y_true: (N,) int; y_prob: (N, C), rows sum to one; occurs_in_train: (N,) bool, images with
    an exact copy in train, which `accuracy_unseen` leaves out; samples: bootstrap resamples
    behind the `_ci` pairs (95 %); groups: (N,) what is drawn instead of images, as
    `FaceDataset.people` (see `resample_weights`).
    """
    num_classes = len(class_names)
    # what float16 rounds to zero is less than its smallest number, not impossible
    y_prob = np.maximum(y_prob, np.finfo(y_prob.dtype).smallest_subnormal).astype(np.float64)
    y_prob = y_prob / y_prob.sum(1, keepdims=True)
    y_pred = y_prob.argmax(1)
    confusion = confusion_matrix(y_true, y_pred, num_classes)
    weights = resample_weights(len(y_true), samples, groups=groups)
    resampled = confusion_matrix(y_true, y_pred, num_classes, weights)
    result: dict[str, object] = {"images": len(y_true)}
    for name, metric in METRICS.items():
        result[name] = float(metric(confusion))
        result[f"{name}_ci"] = interval(metric(resampled))
    result["log_loss"] = float(log_loss(y_true, y_prob))
    result["ece"] = expected_calibration_error(y_true, y_prob)
    recall_ci = np.transpose(interval(recall(resampled)))
    result["per_class"] = {
        name: {
            "recall": float(recall(confusion)[label]),
            "recall_ci": recall_ci[label].tolist(),
            "precision": float(precision(confusion)[label]),
            "f1": float(f1(confusion)[label]),
            "images": int(confusion[label].sum()),
        }
        for label, name in enumerate(class_names)
    }
    result["confusion"] = confusion.tolist()
    if occurs_in_train is not None:
        unseen = ~occurs_in_train
        seen_nowhere = confusion_matrix(y_true[unseen], y_pred[unseen], num_classes)
        result["images_unseen"] = int(unseen.sum())
        result["accuracy_unseen"] = float(accuracy(seen_nowhere))
        resampled = confusion_matrix(
            y_true[unseen], y_pred[unseen], num_classes, weights[:, unseen]
        )
        result["accuracy_unseen_ci"] = interval(accuracy(resampled))
    return result
