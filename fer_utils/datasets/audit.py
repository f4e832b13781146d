"""What is odd about a data set: copies, near copies, pictures without a face, class counts.

Every count is made from the data in hand.  Nothing is removed here: a caller gets masks and
positions, and says in its own words what it leaves out.
"""

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from fer_utils.datasets.base import FaceDataset
from fer_utils.errors import DataError, unknown_name
from fer_utils.labels import FERPLUS_VOTES, SPLITS

NEAR_THRESHOLD = 0.98
CONSTANT_MAX_STD = 1.0
_CHUNK = 512  # rows per matrix product: 512 x 28,709 float32 is 59 MB


def _fingerprints(images: np.ndarray) -> list[bytes]:
    """Return 16 bytes per image that are equal when (and in practice only when) images are."""
    return [blake2b(image.tobytes(), digest_size=16).digest() for image in images]


@dataclass(frozen=True, eq=False)
class ExactDuplicates:
    """Which images are equal, pixel for pixel.

    group: (N,) int64, equal for equal images; groups are numbered by first occurrence.
    different_images: number of different images.
    repeated_groups: number of groups with more than one image.
    conflicting_groups: those of them whose images do not all have the same label.
    copies: (3, 3) int64 in the order of `SPLITS`; ``copies[x, y]`` images of split x have an
        equal image in split y (on the diagonal: another one of the same split).
    """

    group: np.ndarray
    different_images: int
    repeated_groups: int
    conflicting_groups: int
    copies: np.ndarray


def exact_duplicates(dataset: FaceDataset) -> ExactDuplicates:
    """Find the images of `dataset` that are equal pixel for pixel, within and across splits."""
    numbers: dict[bytes, int] = {}
    group = np.array(
        [numbers.setdefault(print_, len(numbers)) for print_ in _fingerprints(dataset.images)],
        dtype=np.int64,
    )
    per_class = np.zeros((len(numbers), dataset.num_classes), np.int64)
    np.add.at(per_class, (group, dataset.labels), 1)
    per_split = np.zeros((len(numbers), len(SPLITS)), np.int64)
    np.add.at(per_split, (group, dataset.split), 1)

    # An image in x sees all the images of its group in y; in x itself, all but itself.
    copies = np.array(
        [
            [per_split[per_split[:, y] > (x == y), x].sum() for y in range(len(SPLITS))]
            for x in range(len(SPLITS))
        ]
    )
    return ExactDuplicates(
        group=group,
        different_images=len(numbers),
        repeated_groups=int((per_class.sum(axis=1) > 1).sum()),
        conflicting_groups=int(((per_class > 0).sum(axis=1) > 1).sum()),
        copies=copies,
    )


def occurs_in_train(dataset: FaceDataset, split: str) -> np.ndarray:
    """Return (n,) bool: which images of `split` have an exact copy in train.

    The order is that of ``dataset.indices(split)``.  Takes about 0.1 s for FER2013.
    Raises ConfigError for an unknown split.
    """
    images = dataset.images[dataset.indices(split)]
    train = set(_fingerprints(dataset.images[dataset.indices("train")]))
    return np.array([print_ in train for print_ in _fingerprints(images)], dtype=bool)


@dataclass(frozen=True, eq=False)
class NearDuplicates:
    """The most similar train image of every image of a split, in the split's order.

    positions: (n,) int64, the image itself, as a position in the data set.
    match: (n,) int64, its best match in train, as a position in the data set; -1 for none.
    correlation: (n,) float32, normalized correlation (Pearson's r of the pixels) with it.
    is_near: (n,) bool, correlation above the threshold.
    """

    positions: np.ndarray
    match: np.ndarray
    correlation: np.ndarray
    is_near: np.ndarray


def _normalized(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (n, H*W) float32 rows of mean 0 and length 1, and (n,) bool: the constant ones.

    A constant row has no direction; it becomes all zeros.
    """
    rows = images.reshape(len(images), -1)
    constant = rows.min(axis=1) == rows.max(axis=1)
    rows = rows.astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    rows[constant] = 0
    rows /= np.where(constant, 1, np.linalg.norm(rows, axis=1))[:, None]
    return rows, constant


def near_duplicates(
    dataset: FaceDataset, split: str, threshold: float = NEAR_THRESHOLD
) -> NearDuplicates:
    """Find for every image of `split` (not train) the train image it correlates most with.

    Correlation ignores brightness and contrast, so a re-encoded or re-lit copy is found, and an
    exact one too.  A constant image correlates with nothing: it gets match -1 and correlation 0
    (`exact_duplicates` is the one that finds its copies).  A mirrored or shifted copy is missed.

    One chunked float32 matrix product: 5 to 9 s per split of FER2013 on two cores.
    Raises DataError when train or `split` is empty, ConfigError for another `split`.
    """
    if split not in SPLITS[1:]:
        raise unknown_name("split to compare with train", split, SPLITS[1:])
    positions, train_positions = dataset.indices(split), dataset.indices("train")
    if not len(positions) or not len(train_positions):
        raise DataError(
            f"{dataset.name}: near duplicates need images in train and {split}, but there are "
            f"{len(train_positions)} and {len(positions)}; load the whole data set"
        )
    train, _ = _normalized(dataset.images[train_positions])
    rows, constant = _normalized(dataset.images[positions])

    best = np.empty(len(rows), np.int64)
    correlation = np.empty(len(rows), np.float32)
    starts = range(0, len(rows), _CHUNK)
    for start in tqdm(starts, desc=f"near duplicates of {split}", leave=False, disable=None):
        product = rows[start : start + _CHUNK] @ train.T
        best[start : start + _CHUNK] = product.argmax(axis=1)
        correlation[start : start + _CHUNK] = product.max(axis=1)
    match = np.where(constant, -1, train_positions[best])
    correlation = np.where(constant, 0, correlation).clip(-1, 1).astype(np.float32)
    return NearDuplicates(positions, match, correlation, correlation > threshold)


def constant_images(dataset: FaceDataset, max_std: float = CONSTANT_MAX_STD) -> np.ndarray:
    """Return (N,) bool: which images are flat, their pixels' standard deviation under `max_std`.

    `max_std` is in gray levels.  The default also takes images with a trace of noise in them
    (FER2013 has one, 0.65; the next image in order has 4.1).  ``max_std=0`` takes only images
    whose pixels are all equal.
    """
    rows = dataset.images.reshape(len(dataset), -1)
    flat = rows.min(axis=1) == rows.max(axis=1)
    if max_std > 0:
        flat |= rows.std(axis=1, dtype=np.float32) < max_std
    return flat


def non_faces(dataset: FaceDataset, rule: str = "unanimous") -> np.ndarray:
    """Return (N,) bool: which images FER+'s annotators voted to be no face ("NF").

    rule: ``unanimous``, all votes of a row are NF; ``majority``, more than half of them are.
    Raises DataError when the data set has no votes, ConfigError for an unknown rule.
    """
    if rule not in ("unanimous", "majority"):
        raise unknown_name("rule", rule, ("unanimous", "majority"))
    if dataset.votes is None:
        raise DataError(
            f"{dataset.name}: non-faces are known from FER+'s votes, and this data set has none; "
            f"put fer2013new.csv beside the images, or use a data set with votes"
        )
    not_face = dataset.votes[:, FERPLUS_VOTES.index("NF")].astype(np.int64)
    total = dataset.votes.sum(axis=1, dtype=np.int64)
    if rule == "unanimous":
        return (not_face == total) & (total > 0)
    return 2 * not_face > total


def class_counts_table(dataset: FaceDataset) -> pd.DataFrame:
    """Return the number of images per class (rows, then ``all``) and split (columns, ``all``)."""
    table = pd.DataFrame(
        {split: dataset.class_counts(split) for split in SPLITS},
        index=pd.Index(dataset.class_names, name="class"),
    )
    table["all"] = table.sum(axis=1)
    table.loc["all"] = table.sum(axis=0)
    return table


def audit_table(dataset: FaceDataset, near: bool = True) -> pd.DataFrame:
    """Return every check of this module as a table: check, split, count, what it means.

    `near` adds the near duplicates, which take some ten seconds for FER2013.  Checks that the
    data set has no information for (votes) or no images for (an empty split) are left out.
    """
    exact = exact_duplicates(dataset)
    splits = [split for split in SPLITS if len(dataset.indices(split))]
    rows: list[tuple[str, str, int, str]] = []

    def per_split(check: str, mask: np.ndarray, meaning: str) -> None:
        rows.extend((check, s, int(mask[dataset.indices(s)].sum()), meaning) for s in splits)

    per_split("images", np.ones(len(dataset), bool), "what the split holds")
    for check, count, meaning in (
        ("different images", exact.different_images, "images left when copies count once"),
        ("groups of equal images", exact.repeated_groups, "images that occur more than once"),
        (
            "groups with different labels",
            exact.conflicting_groups,
            "equal images, unequal labels: no model can get them all right",
        ),
    ):
        rows.append((check, "all", count, meaning))
    for source, target in (("valid", "train"), ("test", "train"), ("test", "valid")):
        if source in splits and target in splits:
            count = int(exact.copies[SPLITS.index(source), SPLITS.index(target)])
            meaning = (
                "seen in training: accuracy on them may be memory"
                if target == "train"
                else "seen in model selection: its choice is biased toward them"
            )
            rows.append((f"exact copy in {target}", source, count, meaning))
    if near and "train" in splits:
        for split in splits[1:]:
            count = int(near_duplicates(dataset, split).is_near.sum())
            meaning = "as good as seen in training; exact copies included, constant images not"
            rows.append((f"correlation > {NEAR_THRESHOLD} with train", split, count, meaning))
    per_split(
        "constant images", constant_images(dataset), "one gray level, up to noise: no picture"
    )
    if dataset.votes is not None:
        per_split("non-faces", non_faces(dataset), "FER+ has only votes for 'not a face'")
    return pd.DataFrame(rows, columns=["check", "split", "count", "what it means"])
