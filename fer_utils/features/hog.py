"""HOG features of many images: scikit-image on all cores, kept in a cache."""

from itertools import pairwise
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from fer_utils.datasets.cache import cached_arrays
from fer_utils.errors import DataError
from fer_utils.features.hog_spec import HogSpec
from fer_utils.files import sha256_bytes, sha256_json
from fer_utils.paths import DATA_CACHE

CACHE = DATA_CACHE / "hog"
_CHUNK = 500  # images that one process takes at a time


def hog_features(
    images: np.ndarray,
    spec: HogSpec = HogSpec(),  # noqa: B008 - frozen
    *,
    jobs: int | None = None,
    cache: Path | None = CACHE,
    progress: bool = True,
) -> np.ndarray:
    """Return the HOG features of each image, (N, F) float32, by `skimage.feature.hog`.

    images: (N, H, W) uint8.  jobs: processes; None for one per core.  cache: folder that keeps
    the features of just these images and this spec (read-only when they come from there); None
    to keep nothing.  Raises DataError for other images or a cache that can't be written, and
    ConfigError where no block fits into an image.
    """
    images = np.asarray(images)
    if images.ndim != 3 or images.dtype != np.uint8 or images.shape[1] != images.shape[2]:
        raise DataError(
            f"HOG features need square uint8 images (N, H, H), not {images.dtype} {images.shape}"
        )
    spec.blocks(images.shape[1])
    if cache is None:
        return _computed(images, spec, jobs, progress)
    signature = {
        "images": sha256_bytes(np.ascontiguousarray(images)),
        "shape": list(images.shape),
        "spec": vars(spec),
    }
    folder = cache / sha256_json(signature)[:16]
    arrays, _ = cached_arrays(
        folder, signature, lambda: ({"features": _computed(images, spec, jobs, progress)}, {})
    )
    return arrays["features"]


def _computed(images: np.ndarray, spec: HogSpec, jobs: int | None, progress: bool) -> np.ndarray:
    features = np.empty((len(images), spec.features(images.shape[1])), np.float32)
    edges = [*range(0, len(images), _CHUNK), len(images)]
    chunks = [images[start:stop] for start, stop in pairwise(edges)]
    bar = tqdm(
        total=len(images), desc="HOG", unit="image", leave=False,
        disable=not progress or len(images) <= _CHUNK,
    )  # fmt: skip
    with bar:
        for start, part in zip(edges, _parts(chunks, spec, jobs), strict=False):
            features[start : start + len(part)] = part
            bar.update(len(part))
    return features


def _parts(chunks: list[np.ndarray], spec: HogSpec, jobs: int | None):
    """Yield the features of each chunk, in order; other processes only where they pay."""
    if jobs == 1 or len(chunks) < 4:
        return (_hog_of_chunk(chunk, spec) for chunk in chunks)
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=jobs or -1, return_as="generator")
    return parallel(delayed(_hog_of_chunk)(np.array(chunk), spec) for chunk in chunks)


def _hog_of_chunk(images: np.ndarray, spec: HogSpec) -> np.ndarray:
    from skimage.feature import hog

    options = {
        "orientations": spec.orientations,
        "pixels_per_cell": (spec.cell, spec.cell),
        "cells_per_block": (spec.block, spec.block),
        "block_norm": "L2-Hys",
    }
    return np.array([hog(image.astype(np.float64), **options) for image in images], np.float32)


def hog_picture(image: np.ndarray, spec: HogSpec = HogSpec()) -> np.ndarray:  # noqa: B008
    """Return scikit-image's drawing of an image's cell histograms, (H, W) float in [0, 1].

    image: (H, W) uint8.  Each cell shows a star of strokes: an edge's direction and strength.
    """
    from skimage.feature import hog

    _, picture = hog(
        image.astype(np.float64), spec.orientations, (spec.cell, spec.cell),
        (spec.block, spec.block), block_norm="L2-Hys", visualize=True,
    )  # fmt: skip
    return (picture / (np.percentile(picture, 99.5) or 1)).clip(0, 1)
