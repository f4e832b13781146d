"""FER2013 with CK+ and JAFFE as further train images, as cs230-fer trained some of its nets."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fer_utils.datasets.base import FaceDataset
from fer_utils.errors import DataError
from fer_utils.files import sha256_json
from fer_utils.labels import SPLITS

_ID_STEP = 1_000_000  # ids of a further set begin at its multiple


def with_auxiliary(faces: FaceDataset, others: Sequence[FaceDataset]) -> FaceDataset:
    """Return `faces` with all images of `others`, of whatever split, as train images.

    Valid and test stay those of `faces`.  All must have the same classes and image size.  The
    result has neither votes nor people; its data_key depends on those of all.  Raises DataError
    for sets that do not fit.
    """
    for other in others:
        for what, ours, theirs in (
            ("classes", faces.class_names, other.class_names),
            ("image size", faces.images.shape[1:], other.images.shape[1:]),
        ):
            if ours != theirs:
                raise DataError(f"{other.name}: {what} {theirs}, but {faces.name} has {ours}")
    sets = (faces, *others)
    added = [np.full(len(other), SPLITS.index("train"), np.uint8) for other in others]
    return replace(
        faces,
        name="_".join((faces.name, "auxiliary")),
        source=" + ".join(one.source for one in sets),
        source_hash=sha256_json([one.source_hash for one in sets]),
        data_key=sha256_json([one.data_key for one in sets]),
        images=np.concatenate([one.images for one in sets]),
        labels=np.concatenate([one.labels for one in sets]),
        split=np.concatenate([faces.split, *added]),
        ids=np.concatenate([one.ids + number * _ID_STEP for number, one in enumerate(sets)]),
        votes=None,
        people=None,
        repairs=tuple(text for one in sets for text in one.repairs),
    )
