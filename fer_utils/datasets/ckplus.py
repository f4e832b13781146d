"""CK+ (Lucey et al. 2010, the Extended Cohn-Kanade Dataset): posed faces, seven classes, gray.

On request from its owners (http://www.jeffcohn.net/Resources/), for research; it may not be
passed on.  Its contempt is no class of FER2013 and is left out.
"""

import re
from collections import defaultdict
from pathlib import Path

import numpy as np

from fer_utils import paths
from fer_utils.datasets.base import FaceDataset
from fer_utils.datasets.picture_folders import (
    Listing,
    class_folders,
    find_inside,
    load_listing,
    picture_files,
)
from fer_utils.datasets.pictures import counted
from fer_utils.errors import DataError, DataMissing
from fer_utils.labels import FER2013_CLASSES
from fer_utils.paths import relative

URL = "http://www.jeffcohn.net/Resources/"
#: CK+'s emotions by number (0 is neutral) in FER2013's words; contempt has none.
CODES = ("neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise")
_CONTEMPT = CODES.index("contempt")
_FRAMES, _EMOTIONS = "cohn-kanade-images", ("Emotion", "Emotion_labels")
_LANDMARKS = ("Landmarks", "Landmark")
_FOLDERS = {
    **{name: code for code, name in enumerate(CODES)},
    **{"anger": 1, "happiness": 5, "sadness": 6},
}
_SUBJECT = re.compile(r"(S\d+)_\d+_\d+", re.IGNORECASE)
#: Side and center of the crop against the landmarks' box, by which eyes and mouth come to lie
#: where FER2013's mean face has them (rows 17 and 38 of 48).
_SCALE, _UP = 1.2, 0.07


def find_ckplus(raw: Path | None = None) -> Path | None:
    """Return the folder in `raw` (default data/raw) that holds CK+ in a known layout, or None."""
    raw = paths.DATA_RAW if raw is None else Path(raw)
    return find_layout(raw / "ckplus")


def find_layout(folder: Path) -> Path | None:
    """Return `folder`, or one at most two below it, with sequences or class folders; else None."""
    sequences = find_inside(folder, (_FRAMES,))
    if sequences:
        return sequences
    return next((r for n in ("anger", "angry") if (r := find_inside(folder, (n,)))), None)


def missing_message(place: Path | None = None) -> str:
    """Return the text that says what to get and where to put it."""
    return (
        f"no CK+ in {relative(place or paths.DATA_RAW / 'ckplus')}; ask its owners for it "
        f"({URL}; for research, may not be passed on) and put it into data/raw/ckplus: "
        f"{_FRAMES}/ and {_EMOTIONS[0]}/ (Landmarks/ too, to cut out the faces); or one folder of "
        "images per class, anger to surprise, under CK+'s names (S005_001_00000011.png)"
    )


def load_ckplus(
    folder: Path | str | None = None, *, side: int = 48, strict: bool = False, peaks: int = 3
) -> FaceDataset:
    """Return CK+ in gray, (N, side, side) uint8, with FER2013's seven classes.

    folder: where it is (default data/raw/ckplus).
    strict: refuse what is else left out and told in `repairs` (not contempt, nor sequences
        without a label: they are left out by rule, and counted).
    peaks: last frames of a sequence that carry its label, the common rule; the first is neutral.
        Folders of classes have their frames picked already (and often no neutral ones).

    Split by person, 70 / 15 / 15 % of the images.  Raises DataError when files are missing or
    damaged, or a class other than neutral has no image.
    """
    root = find_ckplus() if folder is None else find_layout(Path(folder))
    if root is None:
        raise DataMissing(missing_message(None if folder is None else Path(folder)))
    if peaks < 1:
        raise DataError(f"peaks {peaks}: expected at least one frame of each sequence")
    frames = (root / _FRAMES).is_dir()
    listing = list_sequences(root, peaks) if frames else list_classes(root)
    return load_listing(listing, side, color=False, strict=strict)


def list_sequences(root: Path, peaks: int = 3) -> Listing:
    """Return the first and the last `peaks` frames of each labeled sequence of CK+ at `root`.

    The faces are cut out by the landmarks where there are some, else about the frame's center.
    """
    labels = _read_labels(root)
    landmarks = next((root / name for name in _LANDMARKS if (root / name).is_dir()), None)
    aside = defaultdict(list)  # why a sequence is left out, or a frame cut about its center
    rows = []
    sequences = [place for place in sorted((root / _FRAMES).glob("S*/*")) if place.is_dir()]
    frames_of = {f"{p.parent.name}/{p.name}": picture_files(p) for p in sequences}
    for name, code in sorted(labels.items()):
        frames = frames_of.get(name, [])
        if code is None:
            aside["bad"].append(name)
        elif not frames:
            aside["lost"].append(name)
        elif code == _CONTEMPT:
            aside["contempt"].append(name)
        elif len(frames) < 2:
            aside["short"].append(name)
        else:
            rows.append((frames[0], 0))
            rows += [(frame, code) for frame in frames[max(1, len(frames) - peaks) :]]
    aside["unlabeled"] = [
        name for name, frames in frames_of.items() if frames and name not in labels
    ]
    boxes = None
    if landmarks:
        found = [face_box(landmarks, frame) for frame, _ in rows]
        aside["no_face"] = [f.name for (f, _), box in zip(rows, found, strict=True) if not box]
        boxes = np.array([box or (np.nan,) * 4 for box in found], dtype=np.float64).reshape(-1, 4)
    return _listing(root, rows, aside, boxes)


def list_classes(root: Path) -> Listing:
    """Return the pictures of CK+ in one folder per class at `root`, the person in their names."""
    found, unknown = class_folders(root, _FOLDERS)
    aside = {
        "unknown": unknown,
        "unnamed": [path.name for path, _ in found if not _SUBJECT.match(path.name)],
        "contempt_images": [path.name for path, code in found if code == _CONTEMPT],
    }
    rows = [(p, code) for p, code in found if code != _CONTEMPT and _SUBJECT.match(p.name)]
    return _listing(root, rows, aside, None)


#: What is left out or mended: key, singular, plural, what is done.
_FAULTS = (
    ("lost", "Emotion file without a sequence", "Emotion files without a sequence", "left out"),
    ("bad", "sequence with a damaged label", "sequences with a damaged label", "left out"),
    ("short", "sequence of one frame", "sequences of one frame", "left out"),
    ("no_face", "frame without landmarks", "frames without landmarks", "cut about the center"),
    ("unknown", "folder that is no class", "folders that are no class", "left out"),
    ("unnamed", "image without a person's name", "images without a person's name", "left out"),
)
_RULES = (
    ("contempt", "sequence of contempt", "sequences of contempt", "left out"),
    ("contempt_images", "image of contempt", "images of contempt", "left out"),
    ("unlabeled", "sequence without a label", "sequences without a label", "left out"),
)


def _listing(
    root: Path, rows: list[tuple[Path, int]], aside: dict[str, list], boxes: np.ndarray | None
) -> Listing:
    subjects = [_SUBJECT.match(path.name) for path, _ in rows]
    if not all(subjects):
        path = rows[subjects.index(None)][0]
        raise DataError(f"{relative(path)}: expected a name like S005_001_00000011.png")
    people = np.array([int(subject[1][1:]) for subject in subjects], dtype=np.int64)
    return Listing(
        name="ckplus",
        source="CK+" if (root / _FRAMES).is_dir() else "CK+, folders of classes",
        folder=root,
        files=tuple(path.relative_to(root).as_posix() for path, _ in rows),
        labels=np.array([FER2013_CLASSES.index(CODES[code]) for _, code in rows], dtype=np.int64),
        class_names=FER2013_CLASSES,
        people=people,
        boxes=boxes,
        faults=tuple(counted(aside[key], *words) for key, *words in _FAULTS if aside.get(key)),
        left_out=tuple(counted(aside[key], *words) for key, *words in _RULES if aside.get(key)),
        may_be_empty=("neutral",),
    )


def _read_labels(root: Path) -> dict[str, int | None]:
    """Return the emotion's number of each labeled sequence ("S005/001"); None for a damaged one."""
    folder = next((root / name for name in _EMOTIONS if (root / name).is_dir()), None)
    if folder is None:
        raise DataError(
            f"{relative(root)} holds {_FRAMES} but no {_EMOTIONS[0]}: unpack CK+'s emotion labels "
            f"there ({URL})"
        )
    found = defaultdict(set)
    for path in sorted(folder.glob("S*/*/*_emotion.txt")):
        try:
            code = float(path.read_text(encoding="utf-8"))  # "   3.0000000e+00"
        except (OSError, ValueError):
            code = -1
        found[f"{path.parent.parent.name}/{path.parent.name}"].add(code)
    known = range(len(CODES))
    return {
        name: int(min(codes)) if len(codes) == 1 and min(codes) in known else None
        for name, codes in found.items()
    }


def face_box(landmarks: Path, frame: Path) -> tuple[float, float, float, float] | None:
    """Return left, top, width, height of the crop about the 68 landmarks of `frame`, or None.

    landmarks: CK+'s folder of them; the file is <subject>/<sequence>/<frame>_landmarks.txt there.
    """
    subject, sequence = frame.parent.parent.name, frame.parent.name
    try:
        points = np.loadtxt(landmarks / subject / sequence / f"{frame.stem}_landmarks.txt", ndmin=2)
    except (OSError, ValueError):
        return None
    if points.shape != (68, 2) or not np.isfinite(points).all():
        return None
    low, high = points.min(axis=0), points.max(axis=0)
    side = _SCALE * (high - low).max()
    center = (low + high) / 2 - (0, _UP * (high - low)[1])
    return (*(center - side / 2).tolist(), float(side), float(side))
