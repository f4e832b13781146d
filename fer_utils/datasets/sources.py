"""Which data set a recipe's images come from, beside the main one that everything runs on.

The main data set is FER2013 or the synthetic faces.  Where it is synthetic, everything is: also
what otherwise needs pictures of eight expressions or auxiliary sets.
"""

from dataclasses import replace

import numpy as np
from PIL import Image

from fer_utils.datasets import load_dataset
from fer_utils.datasets.base import FaceDataset
from fer_utils.datasets.ferplus import EXPRESSIONS
from fer_utils.labels import SPLITS
from fer_utils.profiles import Profile

#: Sets of larger pictures with eight expressions; the profile says to what size they are shrunk.
PICTURES = ("facial_expressions", "affectnet")


def load_source(source: str, main: str, profile: Profile) -> FaceDataset:
    """Return the data set `source`, a recipe's, in a report on the data set `main`.

    Raises DataMissing when it is not on this machine, DataError when it is damaged.
    """
    if main != "synthetic":
        return load_dataset(source, profile=profile)
    faces = load_dataset("synthetic", profile=profile)
    return synthetic_pictures(faces, profile.picture_side) if source in PICTURES else faces


#: FER2013's classes among FER+'s, in FER2013's order.
_AS_FERPLUS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")


def synthetic_pictures(faces: FaceDataset, side: int) -> FaceDataset:
    """Return synthetic faces of eight expressions, enlarged to `side` pixels.

    They have seven: every fifth neutral face of a split stands in for contempt, so that all code
    for eight classes has something to work on.
    """
    labels = np.array([EXPRESSIONS.index(name) for name in _AS_FERPLUS])[faces.labels]
    for split in SPLITS:
        neutral = faces.indices(split)[labels[faces.indices(split)] == EXPRESSIONS.index("neutral")]
        labels[neutral[::5]] = EXPRESSIONS.index("contempt")
    enlarged = [Image.fromarray(face).resize((side, side), Image.BILINEAR) for face in faces.images]
    return replace(
        faces,
        name="synthetic",
        source=f"{faces.source}, enlarged to {side} pixels",
        images=np.stack([np.asarray(face) for face in enlarged]),
        labels=labels,
        class_names=EXPRESSIONS,
        votes=None,
    )
