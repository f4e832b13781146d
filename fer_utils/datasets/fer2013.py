"""FER2013 (Goodfellow et al. 2013): 35,887 faces of 48 x 48 gray pixels, seven expressions.

Accepted in data/raw/ (or data/raw/fer2013/): ``fer2013.csv``, Kaggle's ``fer2013.tar.gz`` or
zip archives, or the folder of JPEGs.  The first reading takes seconds and fills data/cache/.
"""

import hashlib
import logging
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

from fer_utils import paths
from fer_utils.datasets.base import FaceDataset
from fer_utils.datasets.cache import cached_arrays, file_signature
from fer_utils.datasets.fer2013_csv import AGAIN, read_fer2013_csv
from fer_utils.datasets.fer2013_folder import (
    FOLDER_SOURCE,
    folder_signature,
    is_folder_form,
    read_fer2013_folder,
)
from fer_utils.datasets.ferplus import FERPLUS_FILE, attach_votes, load_votes
from fer_utils.errors import DataError, DataMissing
from fer_utils.labels import FER2013_CLASSES, FER2013_USAGE, SPLITS
from fer_utils.paths import relative

log = logging.getLogger(__name__)

ROWS = 35_887
COMPETITION = "challenges-in-representation-learning-facial-expression-recognition-challenge"
#: Accepted file names, the preferred first.
FILES = ("fer2013.csv", "fer2013.tar.gz", "fer2013.zip", f"{COMPETITION}.zip")

#: SHA-256 of the csv files that are the same data for a run's key.
KNOWN = {
    "b6b2bd9c4c1f89c4f0813e4d589883104b4eafb9e4a818b71bf4910e0e6ec2d3": "official fer2013.csv",
    "64903cce0164cafc542a00518cb15ba6c59eb22b0668e07edada7f2335280691": (
        "official fer2013.csv with CRLF line ends"
    ),
    "443933224c003968308fd9c56749c5dd161d1fc7419f336378b267b97c6c801a": (
        "rebuilt copy of fer2013.csv (175 images recompressed)"
    ),
}
UNKNOWN_SOURCE = "unknown copy of fer2013.csv"


def find_fer2013(raw: Path | None = None) -> Path | None:
    """Return the file or folder of FER2013 in `raw` (default data/raw), or None."""
    raw = paths.DATA_RAW if raw is None else Path(raw)
    folders = (raw, raw / "fer2013")
    for name in FILES:
        for folder in folders:
            if (folder / name).is_file():
                return folder / name
    return next((folder for folder in folders if is_folder_form(folder)), None)


def load_fer2013(
    path: Path | str | None = None,
    *,
    cache: Path | str | None = None,
    ferplus: Path | str | None = None,
) -> FaceDataset:
    """Return FER2013 with its own labels, and FER+'s votes where their file is found.

    path: csv, archive or folder; default: what `find_fer2013` finds in data/raw.
    cache: folder of the parsed arrays (default data/cache/fer2013); safe to delete.
    ferplus: the file of votes (default ``fer2013new.csv`` beside the file that is read, else in
    data/raw, skipped when absent); the folder of JPEGs has other rows and gets none.
    An unknown copy is accepted with a UserWarning and gets a `data_key` of its own.
    Raises DataError naming the file, the line where one is wrong, and what to do.
    """
    if path is None:
        path = find_fer2013()
        if path is None:
            raise DataMissing(missing_message())
    path = Path(path)
    if not path.exists():
        raise DataError(f"{relative(path)} does not exist; {AGAIN}")
    if path.is_dir() and not is_folder_form(path):
        inside = find_fer2013(path)
        if inside is None:
            raise DataMissing(missing_message(path))
        path = inside
    is_csv = not path.is_dir()
    signature = file_signature(path) if is_csv else folder_signature(path)
    cache = Path(cache) if cache else paths.DATA_CACHE / "fer2013"
    arrays, facts = cached_arrays(cache, signature, lambda: _build(path))
    if facts["source"].startswith(UNKNOWN_SOURCE):
        warnings.warn(
            f"{relative(path)} is an unknown copy of FER2013 (SHA-256 {facts['source_hash'][:16]}"
            f"..., {len(arrays['labels']):,} rows, expected {ROWS:,}); its rows are well formed, "
            "but its runs are kept apart from those of the official file",
            stacklevel=2,
        )
    dataset = FaceDataset(
        name="fer2013",
        images=arrays["images"],
        labels=arrays["labels"],
        split=arrays["split"],
        class_names=FER2013_CLASSES,
        **facts,
    )
    return _with_votes(dataset, ferplus, path.parent) if is_csv else dataset


def missing_message(raw: Path | None = None) -> str:
    """Return the error text for a `raw` folder without FER2013: what is there, what to do."""
    raw = paths.DATA_RAW if raw is None else Path(raw)
    found = sorted(p.name for p in raw.iterdir() if p.name[0] != ".") if raw.is_dir() else []
    listed = ", ".join(found[:8]) + (", ..." if len(found) > 8 else "") or "nothing"
    return (
        f"no FER2013 in {relative(raw)} (found: {listed}); expected {', '.join(FILES[:3])}, the "
        "competition's zip archive, or the folders train/ and test/ with one folder of images per "
        f"class. Download it from https://www.kaggle.com/c/{COMPETITION}/data and put it there "
        "under its own name (see data/README.md), or use the data set 'synthetic'"
    )


def content_hash(images: np.ndarray, labels: np.ndarray, split: np.ndarray) -> str:
    """Return the SHA-256 of images, labels and split, the same on every machine."""
    digest = hashlib.sha256(repr(images.shape).encode())
    for array, dtype in ((images, "u1"), (labels, "<i8"), (split, "u1")):
        digest.update(np.ascontiguousarray(array, dtype=dtype).data)
    return digest.hexdigest()


def _build(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read FER2013 from `path`; return its arrays and the facts for `FaceDataset`."""
    log.info("reading %s (once; then it comes from the cache)", relative(path))
    if path.is_dir():
        images, labels, split = read_fer2013_folder(path)
        content = content_hash(images, labels, split)
        facts = {"source": FOLDER_SOURCE, "source_hash": content}
        facts["data_key"] = f"fer2013-{content[:16]}"
    else:
        images, labels, split, sha256 = read_fer2013_csv(path)
        absent = [u for u, s in FER2013_USAGE.items() if not (split == SPLITS.index(s)).any()]
        if absent:
            raise DataError(
                f"{relative(path)} has {len(labels):,} rows but none with Usage "
                f"{', '.join(absent)}: it looks cut off; {AGAIN}"
            )
        facts = {"source": KNOWN.get(sha256, UNKNOWN_SOURCE), "source_hash": sha256}
        if sha256 in KNOWN:
            facts["data_key"] = "fer2013"
        else:
            facts["data_key"] = f"fer2013-{content_hash(images, labels, split)[:16]}"
    return {"images": images, "labels": labels, "split": split}, facts


def _with_votes(dataset: FaceDataset, path: Path | str | None, beside: Path) -> FaceDataset:
    """Return `dataset` with the votes at `path`; an absent default file is no error."""
    if path is None:
        places = [folder / FERPLUS_FILE for folder in (beside, paths.DATA_RAW)]
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            return dataset
    try:
        return attach_votes(dataset, load_votes(Path(path), len(dataset), dataset.split))
    except DataError as error:
        if dataset.data_key == "fer2013":
            raise
        # The rows of an unknown copy may well be others than FER+'s: go on without votes.
        warnings.warn(f"FER+ votes left out: {error}", stacklevel=3)
        return replace(dataset, votes=None)
