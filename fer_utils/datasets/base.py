"""The one in-memory type of every data set."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from fer_utils.errors import DataError, unknown_name
from fer_utils.labels import FERPLUS_VOTES, SPLITS


@dataclass(frozen=True, eq=False)
class FaceDataset:
    """Face images with labels, split and (where there are any) annotators' votes and people.

    name: registry name, for example ``fer2013``.
    source: what was read, in words, for the report ("rebuilt copy of fer2013.csv").
    source_hash: SHA-256 of what was read, 64 hexadecimal digits.
    data_key: what stands for the data in a run's key; equal for equal content.
    images: (N, H, W) uint8 gray or (N, H, W, 3) uint8 RGB, possibly memory-mapped read-only.
    labels: (N,) int64, an index into `class_names`.
    split: (N,) uint8, an index into `fer_utils.labels.SPLITS`.
    class_names: the classes in the order of the labels.
    ids: (N,) int64, the row number in the source; names a sample for good.  Those of images that
        were made by resampling are negative.
    votes: (N, 10) uint8 in the order of `FERPLUS_VOTES`, or None.
    people: (N,) int64, equal for images of one person, or None where that is not known.
    repairs: what was mended or left out when the source was read, in words, one text each.

    Raises DataError when the parts do not fit each other, or one person is in two splits.
    """

    name: str
    source: str
    source_hash: str
    data_key: str
    images: np.ndarray
    labels: np.ndarray
    split: np.ndarray
    class_names: tuple[str, ...]
    ids: np.ndarray = field(default=None)
    votes: np.ndarray | None = None
    people: np.ndarray | None = None
    repairs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.images)
        if self.ids is None:
            object.__setattr__(self, "ids", np.arange(n))
        gray_or_rgb = self.images.ndim == 3 or self.images.shape[3:] == (3,)
        if not gray_or_rgb or self.images.dtype != np.uint8:
            raise DataError(
                f"{self.name}: images must be uint8 (N, H, W) or (N, H, W, 3), not "
                f"{self.images.dtype} {self.images.shape}"
            )
        for part in ("labels", "split", "ids"):
            if getattr(self, part).shape != (n,):
                raise DataError(f"{self.name}: {n} images but {part} {getattr(self, part).shape}")
        if n and not 0 <= self.labels.min() <= self.labels.max() < len(self.class_names):
            raise DataError(f"{self.name}: a label lies outside 0..{len(self.class_names) - 1}")
        if n and self.split.max() >= len(SPLITS):
            raise DataError(f"{self.name}: a split code lies outside 0..{len(SPLITS) - 1}")
        if self.votes is not None and self.votes.shape != (n, len(FERPLUS_VOTES)):
            raise DataError(f"{self.name}: {n} images but votes {self.votes.shape}")
        if self.people is not None:
            self._check_people()

    def _check_people(self) -> None:
        if self.people.shape != (len(self),):
            raise DataError(f"{self.name}: {len(self)} images but people {self.people.shape}")
        pairs = np.unique(np.stack((self.people, self.split)), axis=1)
        person, splits = np.unique(pairs[0], return_counts=True)
        if (splits > 1).any():
            shared = person[splits > 1]
            raise DataError(
                f"{self.name}: {len(shared)} people (number {shared[0]} first) are in more than "
                "one split; a net could know the test faces: split by person"
            )

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    def indices(self, split: str) -> np.ndarray:
        """Return the positions, (n,) int64 ascending, of the samples of `split`."""
        if split not in SPLITS:
            raise unknown_name("split", split, SPLITS)
        return np.flatnonzero(self.split == SPLITS.index(split))

    def take(self, positions: np.ndarray) -> "FaceDataset":
        """Return the samples at `positions` as a data set; ids stay those of the source."""
        return replace(
            self,
            images=self.images[positions],
            labels=self.labels[positions],
            split=self.split[positions],
            ids=self.ids[positions],
            votes=None if self.votes is None else self.votes[positions],
            people=None if self.people is None else self.people[positions],
        )

    def part(self, split: str) -> "FaceDataset":
        """Return the samples of one split as a data set of its own."""
        return self.take(self.indices(split))

    def class_counts(self, split: str | None = None) -> np.ndarray:
        """Return the number of images per class, (C,) int64, of one split or of all."""
        labels = self.labels if split is None else self.labels[self.indices(split)]
        return np.bincount(labels, minlength=self.num_classes)
