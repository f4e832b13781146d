"""MTCNN (Zhang et al. 2016) of the PyPI package `mtcnn` 1.0.0 (MIT), which carries its weights.

Slower than BlazeFace, but it looks at every size from 20 pixels on, and finds five landmarks.
TensorFlow is imported when a detector is loaded, not before.
"""

import importlib
import warnings
from functools import cache
from typing import Any

import numpy as np

from fer_utils.faces.face import Face
from fer_utils.faces.resize import area_resize, to_uint8
from fer_utils.tensorflow_bridge import import_tensorflow

#: Left and right are those of the picture.
LANDMARKS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
MIN_SCORE = 0.9
#: Larger pictures are shrunk to this longer side, in pixels: time and memory grow with the area.
LARGEST_SIDE = 1280
#: Of the box, in pixels; the package's own limit.
SMALLEST_FACE = 20


def detect_mtcnn(
    image: np.ndarray, min_score: float = MIN_SCORE, largest_side: int = LARGEST_SIDE
) -> list[Face]:
    """Return the faces in `image`, (H, W, 3) uint8 RGB, best first.

    largest_side: a larger picture is shrunk to it first, so the smallest face that is found is
    `SMALLEST_FACE` pixels there.
    """
    height, width = image.shape[:2]
    scale = max(1.0, max(height, width) / largest_side)
    if scale > 1:
        size = max(1, round(height / scale)), max(1, round(width / scale))
        image = to_uint8(area_resize(image, (0, 0, width, height), size))
    if min(image.shape[:2]) < SMALLEST_FACE:  # the package can't build its pyramid of them
        return []
    stretch = np.array((width / image.shape[1], height / image.shape[0]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of empty stages
        rows = _load().detect_faces(image, output_type="numpy", box_format="xyxy")
    rows = np.asarray(rows, dtype=np.float64).reshape(-1, 16)
    whole = (rows[:, 3:5] > rows[:, 1:3]).all(axis=1)  # wider and higher than nothing
    rows = rows[whole & (rows[:, 5] >= min_score)]
    rows = rows[np.argsort(-rows[:, 5], kind="stable")]
    return [_face(row, stretch) for row in rows]


def _face(row: np.ndarray, stretch: np.ndarray) -> Face:
    """Return the face of a row: picture, corners of the box, score, five x and five y."""
    left, top, right, bottom = (row[1:5].reshape(2, 2) * stretch).ravel().tolist()
    return Face(
        left,
        top,
        right - left,
        bottom - top,
        float(row[5]),
        row[6:].reshape(2, 5).T * stretch,
        LANDMARKS,
        "mtcnn",
    )


@cache
def _load() -> Any:
    """Return the package's detector, loaded once."""
    import_tensorflow()
    return importlib.import_module("mtcnn").MTCNN()
