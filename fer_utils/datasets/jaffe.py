"""JAFFE (Lyons, Kamachi, Gyoba 1998): ten Japanese women, seven posed expressions, gray.

On request from its owners (https://zenodo.org/records/3451524), for non-commercial research; it
may not be passed on.  A file's name says all: KA.AN1.39.tiff is Ms KA, angry.
"""

import re
from pathlib import Path

import numpy as np

from fer_utils import paths
from fer_utils.datasets.base import FaceDataset
from fer_utils.datasets.picture_folders import Listing, load_listing, picture_files
from fer_utils.datasets.pictures import counted
from fer_utils.errors import DataMissing
from fer_utils.labels import FER2013_CLASSES
from fer_utils.paths import relative

URL = "https://zenodo.org/records/3451524"
#: JAFFE's codes in FER2013's words.
CODES = {"AN": "angry", "DI": "disgust", "FE": "fear", "HA": "happy", "SA": "sad",
         "SU": "surprise", "NE": "neutral"}  # fmt: skip
_NAME = re.compile(rf"([A-Z]{{2}})\.({'|'.join(CODES)})\d+\.\d+", re.IGNORECASE)


def find_jaffe(raw: Path | None = None) -> Path | None:
    """Return the folder in `raw` (default data/raw) that holds JAFFE's pictures, or None."""
    raw = paths.DATA_RAW if raw is None else Path(raw)
    return find_pictures(raw / "jaffe")


def find_pictures(folder: Path) -> Path | None:
    """Return `folder`, or one at most two below it, with a picture of JAFFE's names; else None."""
    for pattern in (".", "*", "*/*"):
        places = [folder] if pattern == "." else sorted(folder.glob(pattern))
        for place in places:
            if any(_NAME.fullmatch(path.stem) for path in picture_files(place)):
                return place
    return None


def missing_message(place: Path | None = None) -> str:
    """Return the text that says what to get and where to put it."""
    return (
        f"no JAFFE in {relative(place or paths.DATA_RAW / 'jaffe')}; ask its owners for it "
        f"({URL}; for non-commercial research, may not be passed on) and put its 213 pictures "
        "(KA.AN1.39.tiff and so on) into data/raw/jaffe"
    )


def load_jaffe(
    folder: Path | str | None = None, *, side: int = 48, strict: bool = False
) -> FaceDataset:
    """Return JAFFE in gray, (N, side, side) uint8, with FER2013's seven classes.

    folder: where it is (default data/raw/jaffe).
    strict: refuse what is else left out and told in `repairs` (files of other names, unreadable
        ones).

    Split by person, about 70 / 15 / 15 % of the images (of ten people, so 7 / 2 / 1 or alike).
    Raises DataError when files are missing, or a class has no image.
    """
    root = find_jaffe() if folder is None else find_pictures(Path(folder))
    if root is None:
        raise DataMissing(missing_message(None if folder is None else Path(folder)))
    return load_listing(list_jaffe(root), side, color=False, strict=strict)


def list_jaffe(root: Path) -> Listing:
    """Return the pictures of JAFFE in the folder `root`, by name; nothing is decoded."""
    found = [(path.name, _NAME.fullmatch(path.stem)) for path in picture_files(root)]
    unknown = [name for name, match in found if not match]
    named = [(name, match) for name, match in found if match]
    classes = [CODES[match[2].upper()] for _, match in named]
    people = [match[1].upper() for _, match in named]
    words = ("image whose name is none of JAFFE's", "images whose names are none of JAFFE's")
    return Listing(
        name="jaffe",
        source="JAFFE",
        folder=root,
        files=tuple(name for name, _ in named),
        labels=np.array([FER2013_CLASSES.index(name) for name in classes], dtype=np.int64),
        class_names=FER2013_CLASSES,
        people=np.unique(people, return_inverse=True)[1].astype(np.int64),
        faults=(counted(unknown, *words, "left out"),) if unknown else (),
    )
