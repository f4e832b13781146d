"""AffectNet (Mollahosseini et al. 2017): faces from the web, eight expressions, in color.

On request from its owners (http://mohammadmahoor.com/affectnet/), for research; it may not be
passed on.  jhu-affectnet drew 1,600 images for training, 400 for validation and 5,000 for the
test at random; so does this module, from the images of all lists together (AffectNet's own
validation list has no 5,000 faces of the eight classes).  Who is on a picture is not known.
"""

from collections import Counter
from pathlib import Path

import numpy as np

from fer_utils import paths
from fer_utils.datasets.affectnet_files import (
    CODES,
    NO_EXPRESSION,
    Candidates,
    find_layout,
    list_candidates,
)
from fer_utils.datasets.base import FaceDataset
from fer_utils.datasets.ferplus import EXPRESSIONS
from fer_utils.datasets.picture_folders import Listing, load_listing
from fer_utils.datasets.pictures import counted
from fer_utils.errors import DataError, DataMissing
from fer_utils.labels import SPLITS
from fer_utils.paths import relative

URL = "http://mohammadmahoor.com/affectnet/"
DRAW = (1600, 400, 5000)


def find_affectnet(raw: Path | None = None) -> Path | None:
    """Return the folder in `raw` (default data/raw) that holds AffectNet in a known layout."""
    raw = paths.DATA_RAW if raw is None else Path(raw)
    return find_layout(raw / "affectnet")


def missing_message(place: Path | None = None) -> str:
    """Return the text that says what to get and where to put it."""
    return (
        f"no AffectNet in {relative(place or paths.DATA_RAW / 'affectnet')}; ask its owners for "
        f"it ({URL}; for research, may not be passed on) and put it into data/raw/affectnet as it "
        "comes: Manually_Annotated_file_lists/ with training.csv and validation.csv beside "
        "Manually_Annotated_Images/; or train_set/ and val_set/, each with images/ and "
        "annotations/, or with one folder of images per class (0 to 7, or the classes' names)"
    )


def load_affectnet(
    folder: Path | str | None = None,
    *,
    side: int = 110,
    strict: bool = False,
    draw: tuple[int, int, int] = DRAW,
    seed: int = 0,
) -> FaceDataset:
    """Return images drawn from AffectNet, (N, side, side, 3) uint8 RGB, with FER+'s eight classes.

    folder: where it is (default data/raw/affectnet).
    strict: refuse what is else left out and told in `repairs` (missing or unreadable images).
    draw: how many images to draw for train, valid and test; only these are read.
    seed: of the draw; the same images on every machine.

    Images labeled None, Uncertain or No-Face are passed over while drawing, and counted.  Faces
    are cut out where the lists give their boxes.  Raises DataError when files are missing or
    damaged, when there are too few images, or when a class has none.
    """
    root = find_affectnet() if folder is None else find_layout(Path(folder))
    if root is None:
        raise DataMissing(missing_message(None if folder is None else Path(folder)))
    if len(draw) != len(SPLITS) or min(draw) < 1:
        raise DataError(f"draw {draw}: expected how many images to draw for {', '.join(SPLITS)}")
    listing = draw_listing(root, list_candidates(root), tuple(draw), seed)
    return load_listing(listing, side, color=True, strict=strict)


def draw_listing(
    root: Path, candidates: Candidates, draw: tuple[int, int, int], seed: int
) -> Listing:
    """Return `draw` images of `candidates`, drawn at random; nothing is decoded.

    Raises DataError that says how many there are, when there are too few.
    """
    drawn, labels, missing, passed = [], [], [], Counter()
    for position in np.random.default_rng(seed).permutation(len(candidates.files)):
        if len(drawn) == sum(draw):
            break
        file = str(candidates.files[position])
        code = candidates.code(root, position)
        if code is None or not (root / file).is_file():
            missing.append(file)
        elif CODES[code] in NO_EXPRESSION:
            passed[CODES[code]] += 1
        else:
            drawn.append(position)
            labels.append(EXPRESSIONS.index(CODES[code]))
    if len(drawn) < sum(draw):
        raise DataError(
            f"{relative(root)}: {sum(draw):,} images are to be drawn (draw={draw}), but there are "
            f"{len(drawn):,} of the eight classes; give a smaller `draw`, or get the whole of "
            "AffectNet"
        )
    split = np.repeat(np.arange(len(SPLITS), dtype=np.uint8), draw)
    order = np.argsort(drawn)  # candidates are in the order of their names
    drawn = np.array(drawn)[order]
    faults = candidates.faults
    if missing:
        words = ("image or label missing", "images or labels missing", "and not drawn")
        faults += (counted(missing, *words),)
    left_out = ()
    if passed:
        kinds = ", ".join(f"{passed[name]:,} {name}" for name in NO_EXPRESSION)
        left_out = (
            f"{passed.total():,} of {passed.total() + len(drawn):,} images looked at while "
            f"drawing have no expression and were left out ({kinds})",
        )
    return Listing(
        name="affectnet",
        source=f"AffectNet, {'/'.join(f'{n:,}' for n in draw)} images drawn with seed {seed}",
        folder=root,
        files=tuple(map(str, candidates.files[drawn])),
        labels=np.array(labels, dtype=np.int64)[order],
        class_names=EXPRESSIONS,
        split=split[order],
        boxes=None if candidates.boxes is None else candidates.boxes[drawn],
        faults=faults,
        left_out=left_out,
    )
