"""Drawn people in front of a drawn webcam: a set of captures for whoever has none yet.

Each person has one face, one room and one camera; each burst one expression and one pose, which
the frames of the burst hardly change.  What a net gains on them says nothing about real captures;
how much a careless split flatters it can be seen all the same.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image

from fer_utils.datasets.face_drawing import draw_faces
from fer_utils.datasets.face_parameters import TRAITS, FaceParameters, mix_units, sample_faces
from fer_utils.files import atomic_folder
from fer_utils.labels import FER2013_CLASSES

SIDE = 48
#: What changes from burst to burst; all other traits belong to the person, or to the room.
_POSE = ("yaw", "pitch", "roll", "scale", "center_x", "center_y", "gaze_x", "gaze_y")
#: A dim room and a cheap camera, as additions to the traits' means.
_WEBCAM = {"ambient": -0.12, "contrast": -0.2, "brightness": -0.08, "blur": 0.06, "noise": 0.012}
_FRAME = 0.25  # seconds between two pictures, as in the page
_PAUSE = 10.0  # seconds between two bursts
_JITTER = 0.06  # of pose and muscles within a burst, in parts of a trait's deviation
_START = datetime(2026, 1, 1, tzinfo=UTC)


def write_captures(
    folder: Path, people: int = 12, bursts: int = 1, frames: int = 3, seed: int = 0
) -> Path:
    """Write `<person>/<class>/<time>.png`, 48 x 48 gray, into the new `folder`; return it.

    people x 7 classes x bursts x frames pictures; the same for the same arguments.  The folder is
    replaced, whole or not at all.
    """
    rng = np.random.default_rng(seed)
    with atomic_folder(folder) as temporary:
        for number in range(people):
            _write_person(temporary / f"person_{number + 1:02d}", bursts, frames, rng)
    return folder


def _write_person(folder: Path, bursts: int, frames: int, rng: np.random.Generator) -> None:
    """Write the pictures of one person."""
    labels = np.tile(np.arange(len(FER2013_CLASSES)), bursts)
    pictures = draw_faces(_sit(labels, frames, rng), SIDE, rng)
    for position, picture in enumerate(pictures):
        burst, frame = divmod(position, frames)
        name = FER2013_CLASSES[labels[burst]]
        time = _START + timedelta(seconds=burst * (frames * _FRAME + _PAUSE) + frame * _FRAME)
        (folder / name).mkdir(parents=True, exist_ok=True)
        stem = time.strftime("%Y-%m-%dT%H-%M-%S.") + f"{time.microsecond // 1000:03d}Z"
        Image.fromarray(picture).save(folder / name / f"{stem}.png")


def _sit(labels: np.ndarray, frames: int, rng: np.random.Generator) -> FaceParameters:
    """Return the faces of one person: `frames` of each burst, which shows one of `labels`."""
    n = len(labels)
    units = mix_units(labels, labels, rng.uniform(0.5, 1.0, n), np.zeros(n), rng)
    faces = sample_faces(units, rng)
    person = {
        name: np.repeat(values[:1], n) if name not in _POSE else values
        for name, values in faces.traits.items()
    }
    for name, change in _WEBCAM.items():
        person[name] = person[name] + np.float32(change)
    rows = np.repeat(np.arange(n), frames)
    shot = FaceParameters(faces.units, person).take(rows)

    def moved(values: np.ndarray, size: float, low: float, high: float) -> np.ndarray:
        changed = values + rng.normal(0, _JITTER * size, len(values))
        return np.round(np.clip(changed, low, high), 4).astype(np.float32)

    units = {unit: moved(values, 1.0, 0, 1.25) for unit, values in shot.units.items()}
    traits = {
        name: moved(values, *TRAITS[name][1:]) if name in TRAITS else values
        for name, values in shot.traits.items()
    }
    return FaceParameters(units, traits)
