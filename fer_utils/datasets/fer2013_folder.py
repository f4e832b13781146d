"""FER2013's second public form: a folder of JPEGs, train/<class>/*.jpg and test/<class>/*.jpg."""

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from fer_utils.datasets.fer2013_csv import AGAIN, SIDE
from fer_utils.errors import DataError
from fer_utils.labels import FER2013_CLASSES, SPLITS
from fer_utils.paths import relative

#: What the report must say: this form has no PublicTest of its own.
FOLDER_SOURCE = (
    "folder of JPEGs of fer2013; test is PublicTest and PrivateTest merged, not PrivateTest; "
    "valid is 10 % of train"
)
VALID_FRACTION = 0.1
_SUFFIXES = (".jpg", ".jpeg", ".png")
_SEED = 2013  # of the carved validation split; a change of it changes the data


def is_folder_form(folder: Path) -> bool:
    """Return whether `folder` holds train/ and test/, each with folders inside."""
    parts = (folder / "train", folder / "test")
    return all(part.is_dir() and any(p.is_dir() for p in part.iterdir()) for part in parts)


def folder_signature(folder: Path) -> dict:
    """Return what tells a changed folder from the cached one (names, sizes and mtimes)."""
    digest = hashlib.sha256()
    for part, _, path in _files(folder):
        stat = path.stat()
        record = f"{part}/{path.parent.name}/{path.name}:{stat.st_size}:{stat.st_mtime_ns}\n"
        digest.update(record.encode())
    return {"path": str(folder.resolve()), "files": digest.hexdigest()}


def read_fer2013_folder(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return images (N, 48, 48) uint8, labels (N,) int64 and split (N,) uint8 codes.

    Order: train then test, by class, by file name. The validation split is a tenth of each
    class of train, the same on every machine.  Raises DataError naming the file or folder.
    """
    files = _files(folder)
    images, labels, split = [], [], []
    bar = tqdm(files, desc=f"reading {relative(folder)}", leave=False, disable=None)
    for part, label, path in bar:
        images.append(_read_image(path))
        labels.append(label)
        split.append(SPLITS.index(part))
    labels, split = np.array(labels, dtype=np.int64), np.array(split, dtype=np.uint8)
    for label in range(len(FER2013_CLASSES)):
        members = np.flatnonzero((labels == label) & (split == SPLITS.index("train")))
        chosen = np.random.default_rng([_SEED, label]).permutation(members)
        split[chosen[: round(VALID_FRACTION * len(members))]] = SPLITS.index("valid")
    return np.stack(images), labels, split


def _files(folder: Path) -> list[tuple[str, int, Path]]:
    """Return (part, label, path) of every image, in an order that no machine changes."""
    found = []
    for part in ("train", "test"):
        classes = {p.name.lower(): p for p in (folder / part).iterdir() if p.is_dir()}
        if sorted(classes) != sorted(FER2013_CLASSES):
            raise DataError(
                f"{relative(folder / part)} holds the folders {', '.join(sorted(classes))}; "
                f"expected one per class: {', '.join(FER2013_CLASSES)}; {AGAIN}"
            )
        for label, name in enumerate(FER2013_CLASSES):
            paths = [p for p in classes[name].iterdir() if p.suffix.lower() in _SUFFIXES]
            if not paths:
                raise DataError(f"{relative(classes[name])} holds no image; {AGAIN}")
            found += [(part, label, path) for path in sorted(paths, key=lambda p: p.name)]
    return found


def _read_image(path: Path) -> np.ndarray:
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("L"))
    except OSError as error:  # Pillow's errors for a bad or cut-off picture are OSErrors
        raise DataError(f"{relative(path)} is no readable image ({error}); {AGAIN}") from error
    if pixels.shape != (SIDE, SIDE):
        raise DataError(
            f"{relative(path)} has {pixels.shape[1]} x {pixels.shape[0]} pixels, expected "
            f"{SIDE} x {SIDE}; {AGAIN}"
        )
    return pixels
