"""Webcam captures: one's own labeled faces, as the demo page's capture mode records them.

The page gives a zip archive of `<class>/<time>.png`.  Unpack each person's into a folder of its
own, `data/raw/captures/<person>/<class>/<time>.png`; without the folders of people everything is
taken for one person's.  The page records four pictures a second, so those of one burst are nearly
the same: a split must not tear a burst apart, and should not tear a person apart either.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from fer_utils import paths
from fer_utils.datasets.base import FaceDataset
from fer_utils.datasets.people import split_by_person
from fer_utils.datasets.picture_folders import class_folders
from fer_utils.datasets.pictures import read_pictures
from fer_utils.errors import DataError, DataMissing, unknown_name
from fer_utils.files import sha256_bytes
from fer_utils.labels import FER2013_CLASSES, SPLITS
from fer_utils.paths import relative

SIDE = 48
TRAIN_SHARE = 0.8  # cs230-fer's split of its own set is 80/20
#: Pictures of one person and class that are no further apart than this are one burst, seconds.
BURST_GAP = 2.0
#: From this many people on, the split is by person.
ENOUGH_PEOPLE = 5
GROUPS = ("people", "bursts", "frames")

_CODES = {name: code for code, name in enumerate(FER2013_CLASSES)}
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT)(\d\d)-(\d\d)-(\d\d(?:\.\d+)?)Z?")  # the page's file names


@dataclass(frozen=True, eq=False)
class Captures:
    """Labeled captures before any split.

    folder: where they are.  images: (N, 48, 48) uint8 gray.  labels: (N,) int64, an index into
    `FER2013_CLASSES`.  people, bursts: (N,) int64, equal for images of one person, of one burst.
    digest: SHA-256 of files, labels, people, bursts.  repairs: what was left out, in words.
    """

    folder: Path
    images: np.ndarray
    labels: np.ndarray
    people: np.ndarray
    bursts: np.ndarray
    digest: str
    repairs: tuple[str, ...] = ()

    def groups(self, by: str) -> np.ndarray:
        """Return what a split keeps together, (N,) int64: `people`, `bursts` or `frames`."""
        if by not in GROUPS:
            raise unknown_name("way to split captures", by, GROUPS)
        return np.arange(len(self.labels)) if by == "frames" else getattr(self, by)

    def as_dataset(self, by: str | None = None, seed: int = 0) -> FaceDataset:
        """Return the captures with 80 % of them in train, the others in test; valid is empty.

        by: what stays together, a name of `GROUPS`; if None, `people` where there are at least
        `ENOUGH_PEOPLE`, else `bursts`.  The data set names its people only where it is split by
        them: otherwise one is on both sides.  Raises DataError for fewer than two groups.
        """
        several = len(np.unique(self.people)) >= ENOUGH_PEOPLE
        by = by or ("people" if several else "bursts")
        groups = self.groups(by)
        shares = (TRAIN_SHARE, 1 - TRAIN_SHARE)
        side = split_by_person(groups, self.labels, shares, seed)
        codes = np.array([SPLITS.index("train"), SPLITS.index("test")], np.uint8)
        return FaceDataset(
            name="captures",
            source=f"webcam captures in {relative(self.folder)}, split by {by}",
            source_hash=self.digest,
            data_key=f"captures-{self.digest[:12]}-{by}-{seed}",
            images=self.images,
            labels=self.labels,
            split=codes[side],
            class_names=FER2013_CLASSES,
            people=self.people if by == "people" else None,
            repairs=self.repairs,
        )


def captures_folder() -> Path:
    """Return where one's own captures belong."""
    return paths.DATA_RAW / "captures"


def load_captures(folder: Path | None = None, *, strict: bool = False) -> Captures:
    """Return the captures in `folder` (default `captures_folder()`).

    Other folders than those of classes, unreadable files and all but one of equal files are left
    out and told in `repairs`; strict: refused instead.  Raises DataMissing when there is no
    folder, DataError when it holds no capture.
    """
    folder = folder or captures_folder()
    if not folder.is_dir():
        raise DataMissing(
            f"{relative(folder)} does not exist: record captures with the demo (`make demo`), and "
            "unpack each person's zip archive into a folder of its own there"
        )
    files, labels, people, repairs = [], [], [], []
    for number, place in enumerate(_people(folder)):
        found, unknown = class_folders(place, _CODES)
        files += [path for path, _ in found]
        labels += [code for _, code in found]
        people += [number] * len(found)
        repairs += [f"{relative(place / name)}: no class of that name" for name in unknown]
    if not files:
        raise DataError(
            f"{relative(folder)}: no picture in folders named {', '.join(FER2013_CLASSES)}"
        )
    pictures = read_pictures(files, SIDE, strict=strict, name="captures")
    if strict and repairs:
        raise DataError(repairs[0])
    repairs += pictures.faults
    hashes = pictures.hashes
    first = np.sort(np.unique(hashes, return_index=True)[1])
    if len(first) < len(hashes):
        repairs.append(f"{len(hashes) - len(first)} files are copies of others: left out")
    kept = pictures.kept[first]
    if not len(kept):
        raise DataError(f"{relative(folder)}: none of {len(files)} pictures can be read")
    labels, people = np.array(labels)[kept], np.array(people)[kept]
    bursts = _bursts([files[position] for position in kept], labels, people)
    lines = zip(hashes[first], labels, people, bursts, strict=True)
    return Captures(
        folder=folder,
        images=pictures.images[first],
        labels=labels.astype(np.int64),
        people=people.astype(np.int64),
        bursts=bursts,
        digest=sha256_bytes("\n".join(map(str, lines)).encode()),
        repairs=tuple(repairs),
    )


def _people(folder: Path) -> Iterator[Path]:
    """Yield the folders of people, or `folder` itself when it holds the classes."""
    inside = sorted(place for place in folder.iterdir() if place.is_dir())
    if any(place.name.lower() in _CODES for place in inside):
        yield folder
    else:
        yield from inside


def _bursts(files: list[Path], labels: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Return the burst of each file, (N,) int64; a name without a time is a burst of its own."""
    times = np.array([_seconds(path.stem) for path in files])
    order = np.lexsort((times, labels, people))
    new = np.ones(len(order), bool)
    same = (np.diff(people[order]) == 0) & (np.diff(labels[order]) == 0)
    new[1:] = ~(same & (np.diff(times[order]) <= BURST_GAP))
    bursts = np.empty(len(order), np.int64)
    bursts[order] = np.cumsum(new) - 1
    return bursts


def _seconds(stem: str) -> float:
    """Return the time in a file's name, in seconds; NaN where there is none."""
    match = _TIME.match(stem)
    if not match:
        return float("nan")
    try:
        return datetime.fromisoformat("{}{}:{}:{}+00:00".format(*match.groups())).timestamp()
    except ValueError:
        return float("nan")
