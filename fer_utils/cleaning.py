"""Train images that a net should not learn from: pictures of no face, and copies.

Only train is cleaned.  valid and test stay as they are, so that results compare with each other
and with published ones; the report says what would have been removed there.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fer_utils.datasets.audit import exact_duplicates, non_faces
from fer_utils.datasets.base import FaceDataset
from fer_utils.errors import unknown_name
from fer_utils.labels import SPLITS

CLEANINGS = ("none", "non_faces", "duplicates", "both")

#: Why an image is removed, in this order where several reasons hold, and in words.
REASONS = {
    "non_face": "all votes of FER+ say: not a face",
    "in_other_split": "exact copy in another split",
    "repeated": "exact copy within the split, not the one that is kept",
}


@dataclass(frozen=True, eq=False)
class CleaningReport:
    """What a cleaning removes.

    how: a name in `CLEANINGS`.
    reason: (N,) object, for each image of the data set that came in a key of `REASONS`, or ""
        for an image without fault; also in valid and test, where nothing is removed.
    split: (N,) uint8, an index into `fer_utils.labels.SPLITS`.
    """

    how: str
    reason: np.ndarray
    split: np.ndarray

    @property
    def removed(self) -> np.ndarray:
        """The positions of the images removed, all of train, (n,) int64 ascending."""
        return np.flatnonzero((self.reason != "") & (self.split == SPLITS.index("train")))

    def positions(self, reason: str, split: str = "train") -> np.ndarray:
        """Return the positions, (n,) int64, of a split's images at fault for `reason`."""
        return np.flatnonzero((self.reason == reason) & (self.split == SPLITS.index(split)))

    def table(self) -> pd.DataFrame:
        """Return images by reason: columns reason, train (removed), valid, test (both kept)."""
        rows = [
            {"reason": words} | {split: len(self.positions(reason, split)) for split in SPLITS}
            for reason, words in REASONS.items()
        ]
        return pd.DataFrame(rows)


def clean(dataset: FaceDataset, how: str) -> tuple[FaceDataset, CleaningReport]:
    """Return `dataset` without the train images at fault, and what was removed.

    how: ``none``; ``non_faces``, that all FER+ annotators call no face (hust-balance removed such
    images by hand); ``duplicates``, train images with an exact copy in valid or test, and all but
    one of the copies within train; ``both``.  Of copies with different labels one with the
    majority's label is kept, the first in a draw; of copies with one label, the first.

    ids stay those of the source and data_key that of `dataset`, as for any subset.  Raises
    ConfigError for an unknown `how`, DataError for non-faces of a data set without votes.
    """
    if how not in CLEANINGS:
        raise unknown_name("cleaning", how, CLEANINGS)
    reason = np.full(len(dataset), "", dtype=object)
    if how in ("duplicates", "both"):
        elsewhere, repeated = _copies(dataset)
        reason[repeated] = "repeated"
        reason[elsewhere] = "in_other_split"
    if how in ("non_faces", "both"):
        reason[non_faces(dataset)] = "non_face"
    report = CleaningReport(how, reason, dataset.split)
    if not len(report.removed):
        return dataset, report
    return dataset.take(np.delete(np.arange(len(dataset)), report.removed)), report


def _copies(dataset: FaceDataset) -> tuple[np.ndarray, np.ndarray]:
    """Return two (N,) bool: has a copy in another split; is not the kept one of its split."""
    group = exact_duplicates(dataset).group
    groups = int(group.max(initial=-1)) + 1
    splits_of = np.zeros((groups, len(SPLITS)), bool)
    splits_of[group, dataset.split] = True
    elsewhere = splits_of.sum(axis=1)[group] > 1

    # the images of one group and split, those with the most frequent label first, then by place
    place = group * len(SPLITS) + dataset.split
    cells = place * dataset.num_classes + dataset.labels
    _, which, counts = np.unique(cells, return_inverse=True, return_counts=True)
    order = np.lexsort((np.arange(len(dataset)), -counts[which], place))
    kept = order[np.r_[True, np.diff(place[order]) > 0]] if len(order) else order
    repeated = np.ones(len(dataset), bool)
    repeated[kept] = False
    return elsewhere, repeated


def removed_copies(dataset: FaceDataset, report: CleaningReport) -> tuple[np.ndarray, np.ndarray]:
    """Return the copies that were removed, and for each the first equal image that stays.

    Two (n,) int64 of positions in `dataset`, which is what `clean` was given.
    """
    group = exact_duplicates(dataset).group
    stays = np.setdiff1d(np.arange(len(dataset)), report.removed)
    kept, first = np.unique(group[stays], return_index=True)
    removed = report.removed[np.isin(group[report.removed], kept)]
    return removed, stays[first[np.searchsorted(kept, group[removed])]]
