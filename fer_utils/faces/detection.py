"""The detectors by name."""

from collections.abc import Callable, Mapping

import numpy as np

from fer_utils.errors import unknown_name
from fer_utils.faces import blazeface, mtcnn
from fer_utils.faces.face import Face
from fer_utils.faces.tiles import detect_in_tiles


def detect_blazeface(image: np.ndarray, min_score: float = blazeface.MIN_SCORE) -> list[Face]:
    """Return the faces in a photo, (H, W, 3) uint8 RGB, best first: small and near ones.

    The net for 256 pixels sees the whole and, in large photos, its parts; a face that fills the
    picture is too near for it, so when it finds none, the net for 128 pixels looks too.
    """
    faces = detect_in_tiles(image, blazeface.load_blazeface(256), min_score)
    return faces or blazeface.load_blazeface(128).detect(image, min_score)


DETECTORS: Mapping[str, Callable[..., list[Face]]] = {
    "blazeface": detect_blazeface,
    "mtcnn": mtcnn.detect_mtcnn,
}
#: Detectors that several threads may use at once.
THREAD_SAFE = ("blazeface",)


def detect_faces(
    image: np.ndarray, detector: str = "blazeface", min_score: float | None = None
) -> list[Face]:
    """Return the faces in a photo, (H, W, 3) uint8 RGB, best first.

    min_score: the detector's own default if None.  Raises ConfigError for an unknown detector.
    """
    if detector not in DETECTORS:
        raise unknown_name("detector", detector, DETECTORS)
    options = {} if min_score is None else {"min_score": min_score}
    return DETECTORS[detector](image, **options)
