"""The embedded data set: drawn faces with FER2013's form and FER2013's troubles.

Everything runs on it without a download: 48 x 48 gray faces in FER2013's seven classes, its class
imbalance and its three splits, labels that are sometimes wrong, ten annotators who disagree,
a few pictures that show no face, and exact duplicates within and across the splits.  It stands in
for FER2013 in tests and lessons; an accuracy on it says nothing about real faces.
"""

import numpy as np

from fer_utils.datasets.base import FaceDataset
from fer_utils.datasets.face_drawing import draw_faces
from fer_utils.datasets.face_parameters import mix_units, sample_faces
from fer_utils.errors import ConfigError
from fer_utils.files import sha256_bytes
from fer_utils.labels import FER2013_CLASSES, FERPLUS_VOTES, SPLITS

SIZE = 48
MIN_IMAGES = 240  # below, a tenth of them can't hold three images of every class

# FER2013's training images per class and images per split: the proportions to keep.
_CLASS_COUNTS = np.array([3995, 436, 4097, 7215, 4830, 3171, 4965])
_TEST_SHARE = 3589 / 35887

# How ten annotators read each expression at full strength, in the order of FERPLUS_VOTES; the
# confusions are those that Barsoum et al. (2016) show for FER+: fear taken for surprise, disgust
# for anger, sadness for a neutral face.
_READINGS = {
    #           neutral happy surpr  sad  anger disgu  fear cont. unkn.   NF
    "angry": (0.07, 0.01, 0.02, 0.05, 0.75, 0.05, 0.02, 0.02, 0.01, 0.0),
    "disgust": (0.04, 0.01, 0.01, 0.06, 0.22, 0.60, 0.01, 0.04, 0.01, 0.0),
    "fear": (0.04, 0.01, 0.22, 0.07, 0.02, 0.02, 0.60, 0.01, 0.01, 0.0),
    "happy": (0.04, 0.92, 0.01, 0.0, 0.0, 0.0, 0.0, 0.02, 0.01, 0.0),
    "sad": (0.13, 0.01, 0.01, 0.74, 0.03, 0.03, 0.03, 0.01, 0.01, 0.0),
    "surprise": (0.04, 0.03, 0.82, 0.01, 0.01, 0.0, 0.08, 0.0, 0.01, 0.0),
    "neutral": (0.88, 0.03, 0.01, 0.04, 0.02, 0.0, 0.0, 0.015, 0.005, 0.0),
}
_VOTE_OF_CLASS = [4, 5, 6, 1, 3, 2, 0]  # each FER2013 class's column of FERPLUS_VOTES

_WRONG_LABELS = 0.07  # labels that name another expression than the one that is drawn
_NON_FACES = 0.004
_DUPLICATES = 0.02


def load_synthetic(images: int = 6000, seed: int = 0) -> FaceDataset:
    """Return `images` drawn faces, split 80/10/10; the same for the same arguments, everywhere.

    Rows are ordered by split as in FER2013.  `votes` holds ten simulated annotators per image.
    About 0.4 % of the images show no face (ten votes for NF) and 2 % are exact copies of others.
    Raises ConfigError for fewer than `MIN_IMAGES` images.
    """
    if images < MIN_IMAGES:
        raise ConfigError(
            f"synthetic data set of {images} images: {MIN_IMAGES} or more are needed "
            "so that every split holds every class; ask for more"
        )
    rng = np.random.default_rng(seed)
    labels, split = _labels_and_split(images, rng)
    shown = _shown_expressions(labels, rng)
    second = rng.integers(0, len(FER2013_CLASSES), images)
    intensity = 0.12 + 0.98 * rng.beta(2.6, 1.5, images)
    share = np.maximum(rng.normal(-0.05, 0.22, images), 0) * (second != shown)
    votes = _votes(shown, second, intensity, share, rng)
    faces = sample_faces(mix_units(shown, second, intensity, share, rng), rng)
    pictures = draw_faces(faces, SIZE, rng)
    strangers = _replace_by_non_faces(pictures, votes, split, rng)
    _replace_by_copies(pictures, votes, labels, split, strangers, rng)
    digest = sha256_bytes(
        b"".join(np.ascontiguousarray(part).tobytes() for part in (pictures, labels, split, votes))
    )
    return FaceDataset(
        name="synthetic",
        source=f"synthetic faces, {images} images, seed {seed}",
        source_hash=digest,
        data_key=f"synthetic-{digest[:16]}",
        images=pictures,
        labels=labels,
        split=split,
        class_names=FER2013_CLASSES,
        votes=votes,
    )


def _labels_and_split(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    tenth = round(n * _TEST_SHARE)
    labels, split = [], []
    for code, (size, least) in enumerate(((n - 2 * tenth, 8), (tenth, 3), (tenth, 3))):
        labels.append(rng.permutation(np.repeat(np.arange(7), _class_sizes(size, least))))
        split.append(np.full(size, code, np.uint8))
    return np.concatenate(labels).astype(np.int64), np.concatenate(split)


def _class_sizes(n: int, least: int) -> np.ndarray:
    """Return how many of `n` images each class gets: in proportion, but `least` at least.

    To train on, eight: SMOTE looks for five neighbors of an image within its class.
    """
    sizes = np.maximum(n * _CLASS_COUNTS // _CLASS_COUNTS.sum(), least)
    sizes[np.argmax(_CLASS_COUNTS)] += n - sizes.sum()
    return sizes


def _shown_expressions(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the expression that is drawn: the label's, or for a wrong label a similar one."""
    readings = np.array([_READINGS[name] for name in FER2013_CLASSES])[:, _VOTE_OF_CLASS]
    np.fill_diagonal(readings, 0)
    shown = labels.copy()
    for row in np.flatnonzero(rng.random(len(labels)) < _WRONG_LABELS):
        chances = readings[labels[row]] / readings[labels[row]].sum()
        shown[row] = rng.choice(len(FER2013_CLASSES), p=chances)
    return shown


def _votes(shown, second, intensity, share, rng: np.random.Generator) -> np.ndarray:
    """Return the votes, (N, 10) uint8: the weaker an expression, the more see a neutral face."""
    readings = np.array([_READINGS[name] for name in FER2013_CLASSES])
    seen = np.clip(1.7 * intensity - 0.15, 0.05, 1)[:, None]
    touch = (0.9 * share)[:, None]
    chances = seen * readings[shown] + (1 - seen) * readings[FER2013_CLASSES.index("neutral")]
    chances = (1 - touch) * chances + touch * readings[second]
    chances = chances * rng.gamma(3.0, 1 / 3.0, chances.shape)  # a picture's own ambiguity
    chances = np.round(chances / chances.sum(axis=1, keepdims=True), 6)
    chances /= chances.sum(axis=1, keepdims=True)
    return rng.multinomial(10, chances).astype(np.uint8)


def _replace_by_non_faces(pictures, votes, split, rng: np.random.Generator) -> np.ndarray:
    """Overwrite a few pictures of every split by patterns; return their positions."""
    chosen = []
    for code in range(len(SPLITS)):
        rows = np.flatnonzero(split == code)
        count = max(1, round(_NON_FACES * len(rows)))
        chosen.append(rng.choice(rows, count, replace=False))
    chosen = np.sort(np.concatenate(chosen))
    for kind, row in enumerate(chosen):
        pictures[row] = _non_face(kind, rng)
    votes[chosen] = 0
    votes[chosen, FERPLUS_VOTES.index("NF")] = 10
    return chosen


def _non_face(kind: int, rng: np.random.Generator) -> np.ndarray:
    """Return a picture, (48, 48) uint8, of one gray, noise, stripes, a checkerboard or text."""
    dark, light = np.sort(rng.integers(0, 256, 2))
    y, x = np.mgrid[:SIZE, :SIZE]
    step = int(rng.integers(4, 13))
    match kind % 5:
        case 0:
            mask = np.zeros((SIZE, SIZE), bool)
        case 1:
            return rng.integers(dark, light + 1, (SIZE, SIZE)).astype(np.uint8)
        case 2:
            mask = (x + int(rng.integers(-1, 2)) * y) // step % 2 == 0
        case 3:
            mask = (x // step + y // step) % 2 == 0
        case _:  # lines of something like text
            mask = (y % 8 > 2) & (rng.random((SIZE, SIZE // 2)).repeat(2, axis=1) < 0.5)
    return np.where(mask, light, dark).astype(np.uint8)


def _replace_by_copies(pictures, votes, labels, split, taken, rng: np.random.Generator) -> None:
    """Overwrite some pictures and their votes by those of others, most of the same label.

    Six in ten of the copies lie in valid and test and have their original in train: a leak.
    """
    total = max(5, round(_DUPLICATES * len(labels)))
    leaks = round(0.3 * total)
    free = np.ones(len(labels), bool)
    free[taken] = False
    targets = []
    for code, count in ((0, total - 2 * leaks), (1, leaks), (2, leaks)):
        targets.append(rng.choice(np.flatnonzero(free & (split == code)), count, replace=False))
    targets = np.concatenate(targets)
    free[targets] = False  # an original stays itself
    for target in targets:
        fitting = free & (split == 0)
        if rng.random() > 0.04:  # the others are the same picture under another label
            fitting &= labels == labels[target]
        if fitting.any():
            original = rng.choice(np.flatnonzero(fitting))
            pictures[target], votes[target] = pictures[original], votes[original]
