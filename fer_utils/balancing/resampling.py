"""Images made for the classes that have few: copies, mixtures of neighbors, changed copies.

Only the train part may come in, and only pixels and labels are used: what is made of train
images stays in train.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from fer_utils import paths
from fer_utils.augmentation import as_channels, augment, get_augmentation, to_float
from fer_utils.datasets.base import FaceDataset
from fer_utils.datasets.cache import Arrays, cached_arrays
from fer_utils.errors import DataError, unknown_name
from fer_utils.files import sha256_bytes, sha256_json
from fer_utils.labels import SPLITS

#: random_over, smote and adasyn make all classes as large (ADASYN: about as large) as the
#: largest; augmented_rare makes the rarest as large as the next one; augmented_small makes
#: each at least a tenth of the largest.
METHODS = ("random_over", "smote", "adasyn", "augmented_rare", "augmented_small")

_BY_NEIGHBORS = ("smote", "adasyn")


def resample(
    part: FaceDataset,
    method: str,
    seed: int,
    *,
    neighbors: int = 5,
    cache: Path | None = None,
) -> FaceDataset:
    """Return the train part `part` and, after its images, those that `method` makes.

    method: ``random_over`` copies random images of the smaller classes; ``smote`` makes images
    between one of a class and one of its `neighbors` nearest of the class (Chawla et al. 2002);
    ``adasyn`` makes more of them where other classes are near (He et al. 2008), all three by
    imbalanced-learn on the pixels, as hust-balance; ``augmented_rare`` adds mirrored, turned,
    zoomed and shifted copies of the rarest class alone until it is as large as the next one
    (hust-balance's "augmented disgust"), ``augmented_small`` such copies of every class that has
    less than a tenth of the largest (cs230-facenet's data synthesis).  The same for the same
    arguments.

    Made images have negative ids (see `is_made`); the result has neither votes nor people, and
    the data_key of `part`, as its subsets have.  What SMOTE and ADASYN make is kept in the
    folder `cache` (None: data/cache).

    Raises ConfigError for an unknown method; DataError when `part` holds other splits than
    train, or a class has no image, or too few for its neighbors.
    """
    if method not in METHODS:
        raise unknown_name("resampling method", method, METHODS)
    _refuse(part, method, neighbors)
    if method in _BY_NEIGHBORS:
        made, labels = _kept(part, method, seed, neighbors, cache or paths.DATA_CACHE)
    elif method == "random_over":
        made, labels = _random_over(part, seed)
    else:
        made, labels = _augmented(part, _wanted(part.class_counts(), method), seed)
    return replace(
        part,
        source=f"{part.source}; {len(made):,} images made by {method}",
        images=np.concatenate([part.images, made]),
        labels=np.concatenate([part.labels, labels]),
        split=np.concatenate([part.split, np.full(len(made), SPLITS.index("train"), np.uint8)]),
        ids=np.concatenate([part.ids, -1 - np.arange(len(made))]),
        votes=None,
        people=None,
    )


def is_made(dataset: FaceDataset) -> np.ndarray:
    """Return (N,) bool: which images `resample` made (also plain copies)."""
    return dataset.ids < 0


def _refuse(part: FaceDataset, method: str, neighbors: int) -> None:
    others = sorted({SPLITS[code] for code in np.unique(part.split)} - {"train"})
    if others:
        raise DataError(
            f"{part.name}: images of {' and '.join(others)} must not be resampled, or copies of "
            'them land in train; pass dataset.part("train")'
        )
    need = neighbors + 1 if method in _BY_NEIGHBORS else 1
    counts = part.class_counts()
    if counts.min() < need:
        label = int(counts.argmin())
        why = f" ({neighbors} neighbors and the image itself)" if need > 1 else ""
        raise DataError(
            f"{part.name}: class {part.class_names[label]!r} has {counts[label]} train images, "
            f"but {method} needs {need}{why}; take fewer neighbors, another method, or more images"
        )


def _kept(
    part: FaceDataset, method: str, seed: int, neighbors: int, cache: Path
) -> tuple[np.ndarray, np.ndarray]:
    signature = {
        "method": method,
        "seed": seed,
        "neighbors": neighbors,
        "images": sha256_bytes(np.ascontiguousarray(part.images)),
        "labels": sha256_bytes(np.ascontiguousarray(part.labels)),
    }

    def build() -> tuple[Arrays, dict]:
        images, labels = _by_neighbors(part, method, seed, neighbors)
        return {"images": images, "labels": labels}, {}

    folder = cache / f"{method}-{sha256_json(signature)[:16]}"
    arrays, _ = cached_arrays(folder, signature, build)
    return arrays["images"], arrays["labels"]


def _by_neighbors(
    part: FaceDataset, method: str, seed: int, neighbors: int
) -> tuple[np.ndarray, np.ndarray]:
    # hosts that only train may lack imbalanced-learn; all start faster without scikit-learn
    from imblearn.over_sampling import ADASYN, SMOTE

    from fer_utils.balancing.neighbors import PixelNeighbors, as_rows

    search = PixelNeighbors(neighbors + 1)  # an image is its own nearest
    if method == "smote":
        sampler = SMOTE(random_state=seed, k_neighbors=search)
    else:
        sampler = ADASYN(random_state=seed, n_neighbors=search)
    try:
        rows, labels = sampler.fit_resample(as_rows(part.images), part.labels)
    except (RuntimeError, ValueError) as error:
        raise DataError(
            f"{part.name}: {method} makes nothing of these {len(part):,} images ({error}); "
            "take another method"
        ) from error
    made = np.rint(rows[len(part) :]).astype(np.uint8)
    return made.reshape(-1, *part.images.shape[1:]), labels[len(part) :].astype(np.int64)


def _random_over(part: FaceDataset, seed: int) -> tuple[np.ndarray, np.ndarray]:
    from imblearn.over_sampling import RandomOverSampler

    sampler = RandomOverSampler(random_state=seed)
    positions, _ = sampler.fit_resample(np.arange(len(part))[:, None], part.labels)
    copied = positions[len(part) :, 0]
    return part.images[copied], part.labels[copied]


def _wanted(counts: np.ndarray, method: str) -> np.ndarray:
    """Return how many images of each class there shall be, (C,) int64."""
    if method == "augmented_small":
        return np.maximum(counts, counts.max() // 10)
    wanted = counts.copy()
    wanted[counts.argmin()] = np.sort(counts)[:2].max()
    return wanted


def _augmented(part: FaceDataset, wanted: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return changed copies that bring the classes to the counts `wanted`."""
    labels = np.repeat(np.arange(len(wanted)), wanted - part.class_counts())
    if not len(labels):
        return part.images[:0], part.labels[:0]
    copied = np.concatenate(
        [
            # all of them in turn, again and again
            np.resize(np.flatnonzero(part.labels == label), missing)
            for label, missing in enumerate(np.bincount(labels, minlength=len(wanted)))
        ]
    )
    generator = torch.Generator().manual_seed(seed)
    batch = to_float(as_channels(torch.from_numpy(np.array(part.images[copied]))))
    changed = augment(batch, get_augmentation("cs230"), generator)
    made = changed.mul(255).round().clamp(0, 255).to(torch.uint8).movedim(1, -1).numpy()
    return made.reshape(-1, *part.images.shape[1:]), labels.astype(np.int64)
