"""Which data set a recipe's images come from, beside the main one that everything runs on.

The main data set is FER2013 or the synthetic faces.  Where it is synthetic, everything is: also
what otherwise needs pictures of eight expressions or auxiliary sets.
"""

from dataclasses import replace

import numpy as np
from PIL import Image

from fer_utils.datasets import load_dataset
from fer_utils.datasets.base import FaceDataset
from fer_utils.datasets.ferplus import as_ferplus
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


def synthetic_pictures(faces: FaceDataset, side: int) -> FaceDataset:
    """Return synthetic faces with their eight labels by votes, enlarged to `side` pixels."""
    faces = as_ferplus(faces)
    enlarged = [Image.fromarray(face).resize((side, side), Image.BILINEAR) for face in faces.images]
    return replace(
        faces,
        name="synthetic",
        source=f"{faces.source}, enlarged to {side} pixels",
        images=np.stack([np.asarray(face) for face in enlarged]),
        votes=None,
    )
