"""The layouts in which people have AffectNet, each as one list of candidates.

1. As its owners gave it out first: lists with a row per face (path, box, landmarks, expression,
   valence, arousal) beside the whole pictures.  validation.csv came without a header.
2. As they give it out now: train_set/images/*.jpg, cropped, with annotations/*_exp.npy.
3. As others pass it around: one folder per class, named by the label's number or by the class.
"""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from fer_utils.datasets.picture_folders import class_folders, find_inside, picture_files
from fer_utils.datasets.pictures import counted
from fer_utils.errors import DataError
from fer_utils.paths import relative

#: AffectNet's labels, by number.
CODES = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt",
         "none", "uncertain", "no-face")  # fmt: skip
NO_EXPRESSION = CODES[8:]
COLUMNS = ("subDirectory_filePath", "face_x", "face_y", "face_width", "face_height",
           "facial_landmarks", "expression", "valence", "arousal")  # fmt: skip
_BOX = list(COLUMNS[1:5])
_LISTS = "Manually_Annotated_file_lists"
_LIST_FILES = ("training.csv", "validation.csv")
_IMAGES = "Manually_Annotated_Images"
#: Where the pictures of the lists are: as unpacked by different tools.
_IMAGE_FOLDERS = (
    _IMAGES,
    f"{_IMAGES}/{_IMAGES}",
    f"Manually_Annotated/{_IMAGES}",
    f"Manually_Annotated_compressed/{_IMAGES}",
)
_PARTS = ("train_set", "val_set", "test_set", "train", "val", "valid", "validation", "test")
_FOLDERS = {
    **{str(code): code for code in range(len(CODES))},
    **{name: code for code, name in enumerate(CODES)},
    **{"happy": 1, "sad": 2, "surprised": 3, "fearful": 4, "disgusted": 5, "angry": 6},
}


@dataclass(frozen=True, eq=False)
class Candidates:
    """The images that can be drawn, in the order of their names.

    files: (N,) paths below the root, with "/".
    codes: (N,) index into `CODES`, or None where each image has its own file of it.
    boxes: (N, 4) float64 left, top, width, height of the face, or None.
    faults: what is wrong with the files.
    """

    files: np.ndarray
    codes: np.ndarray | None
    boxes: np.ndarray | None = None
    faults: tuple[str, ...] = ()

    def code(self, root: Path, position: int) -> int | None:
        """Return the label's number of one image; None if it has none that can be read."""
        if self.codes is not None:
            return int(self.codes[position])
        image = root / str(self.files[position])
        try:
            label = np.load(image.parent.parent / "annotations" / f"{image.stem}_exp.npy")
            code = int(label.item())  # some copies hold the number as text
        except (OSError, ValueError, EOFError):
            return None
        return code if 0 <= code < len(CODES) else None


def find_layout(folder: Path) -> Path | None:
    """Return `folder`, or one at most two below it, that holds AffectNet; else None."""
    lists = find_inside(folder, (_LISTS,))
    if lists:
        return lists
    for part in _PARTS:
        root = find_inside(folder, (part,))
        if root and (_labeled_parts(root) or _class_parts(root)):
            return root
    return None


def list_candidates(root: Path) -> Candidates:
    """Return the images of the layout at `root`, what `find_layout` returned.

    Raises DataError for a damaged list, or when the pictures are not where they should be.
    """
    if (root / _LISTS).is_dir():
        return _from_lists(root)
    parts = _labeled_parts(root)
    if parts:
        files = [f"{part}/images/{p.name}" for part in parts for p in _pictures(root, part)]
        return Candidates(np.array(sorted(files)), None)
    found, unknown = [], []
    for part in _class_parts(root):
        pictures, others = class_folders(root / part, _FOLDERS)
        found += [(path.relative_to(root).as_posix(), code) for path, code in pictures]
        unknown += [f"{part}/{name}" for name in others]
    found.sort()
    words = ("folder that is no class", "folders that are no class", "left out")
    return Candidates(
        np.array([file for file, _ in found], dtype=str),
        np.array([code for _, code in found], dtype=np.int64),
        faults=(counted(unknown, *words),) if unknown else (),
    )


def _pictures(root: Path, part: str) -> list[Path]:
    return picture_files(root / part / "images")


def _labeled_parts(root: Path) -> list[str]:
    return [p for p in _PARTS if all((root / p / d).is_dir() for d in ("images", "annotations"))]


def _class_parts(root: Path) -> list[str]:
    return [
        part
        for part in _PARTS
        if (root / part).is_dir()
        and any(p.is_dir() and p.name.lower() in _FOLDERS for p in (root / part).iterdir())
    ]


def _from_lists(root: Path) -> Candidates:
    lists = [path for name in _LIST_FILES if (path := root / _LISTS / name).is_file()]
    if not lists:
        raise DataError(f"{relative(root / _LISTS)} holds none of {', '.join(_LIST_FILES)}")
    folders = [name for name in _IMAGE_FOLDERS if (root / name).is_dir()]
    if not folders:
        raise DataError(f"{relative(root)} holds {_LISTS} but no {_IMAGES}: put it beside")
    # the doubled folder of some unpackers comes second, and is the one that has the pictures
    images = folders[1] if folders[1:] == [_IMAGE_FOLDERS[1]] else folders[0]
    rows = pd.concat([_read_list(path) for path in lists])
    rows = rows.drop_duplicates([COLUMNS[0], *_BOX]).sort_values([COLUMNS[0], *_BOX])
    return Candidates(
        np.array([f"{images}/{name}" for name in rows[COLUMNS[0]]], dtype=str),
        rows["expression"].to_numpy(np.int64),
        rows[_BOX].to_numpy(np.float64),
    )


def _read_list(path: Path) -> pd.DataFrame:
    """Return path, box and expression of each face; DataError naming file and line."""
    name, wanted = relative(path), [COLUMNS[0], *_BOX, "expression"]
    try:
        with open(path, encoding="utf-8-sig") as file:
            first = file.readline().strip().split(",")
        # a first row that is a face, not a header: its path has a folder and a suffix
        bare = len(first) == len(COLUMNS) and bool(PurePosixPath(first[0]).suffix)
        if not bare and tuple(first) != COLUMNS:
            raise DataError(
                f"{name}, line 1: columns {','.join(first)[:80]!r}, expected "
                f"{','.join(COLUMNS)!r}; get AffectNet's lists again"
            )
        rows = pd.read_csv(
            path, names=COLUMNS, usecols=wanted, skiprows=0 if bare else 1,
            encoding="utf-8-sig", dtype={COLUMNS[0]: str},
        )  # fmt: skip
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise DataError(f"{name} cannot be read ({error}); get AffectNet's lists again") from error
    for column in (*_BOX, "expression"):  # faces that are none have NULL for a box
        rows[column] = pd.to_numeric(rows[column], errors="coerce")
    bad = ~rows["expression"].isin(range(len(CODES))) | rows[COLUMNS[0]].isna()
    if bad.any():
        line = int(np.flatnonzero(bad)[0]) + (1 if bare else 2)
        raise DataError(
            f"{name}, line {line}: no path, or an expression that is none of 0 to "
            f"{len(CODES) - 1}; get AffectNet's lists again"
        )
    return rows
