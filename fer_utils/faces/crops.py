"""From a found face to the square gray crop that a net trained on FER2013 expects.

FER2013's images are frames that a face detector chose, a little larger than the face and the
same for all.  How a detector's box lies in such a frame was measured on FER2013's valid images
(`fer_utils.faces.calibration`); turned round, it says which square about a box is that frame:

    box side = sqrt(width * height);  side = scale * box side
    left = x + width / 2 - side / 2;  top = y + height / 2 + shift * box side - side / 2

The square is resized by `area_resize`, where it leaves the picture with the nearest pixels
repeated, each color by itself; then gray = 0.299 R + 0.587 G + 0.114 B, rounded by `to_uint8`.
"""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from fer_utils.errors import unknown_name
from fer_utils.faces.face import Face
from fer_utils.faces.resize import area_resize, to_gray, to_uint8

#: Side of FER2013's images, pixels.
SIDE = 48


@dataclass(frozen=True)
class Frame:
    """Where FER2013's frame lies about a detector's box, in sides of the box.

    scale: side of the frame.  shift: its middle is so much lower than the box's.
    """

    scale: float
    shift: float


#: By detector; found by `python benchmarks/face_crops.py` (medians, rounded to 0.01).
FRAMES = {
    "blazeface": Frame(1.17, -0.10),
    "mtcnn": Frame(1.10, 0.0),
}


def crop_box(face: Face) -> tuple[float, float, float, float]:
    """Return left, top, width, height of FER2013's frame about `face`, in pixels; a square."""
    if face.detector not in FRAMES:
        raise unknown_name("detector", face.detector, FRAMES)
    frame = FRAMES[face.detector]
    box_side = math.sqrt(face.width * face.height)
    side = frame.scale * box_side
    left = face.x + face.width / 2 - side / 2
    top = face.y + face.height / 2 + frame.shift * box_side - side / 2
    return left, top, side, side


def crop_face(
    image: np.ndarray, face: Face, size: int = SIDE, *, align: bool = False
) -> np.ndarray:
    """Return the face in FER2013's frame, (size, size) uint8 gray.

    image: (H, W, 3) uint8 RGB or (H, W) gray, the one that `face` was found in.
    align: turn the face about the frame's middle until its eyes are level.
    """
    return to_uint8(to_gray(_resized(image, face, size, align)))


def crop_color(
    image: np.ndarray, face: Face, size: int = SIDE, *, align: bool = False
) -> np.ndarray:
    """Return the same crop as `crop_face` with its colors, (size, size, 3) uint8, or gray."""
    return to_uint8(_resized(image, face, size, align))


def _resized(image: np.ndarray, face: Face, size: int, align: bool) -> np.ndarray:
    left, top, side, _ = crop_box(face)
    if not align:
        return area_resize(image, (left, top, side, side), (size, size), edge=True)
    # A square half as large again holds the frame however it is turned.  It is turned at twice
    # the resolution, where linear interpolation costs little sharpness, then averaged.
    around = (left - side / 4, top - side / 4, 1.5 * side, 1.5 * side)
    large = to_uint8(area_resize(image, around, (3 * size, 3 * size), edge=True))
    turned = Image.fromarray(large).rotate(face.eye_angle, Image.Resampling.BILINEAR)
    return area_resize(
        np.asarray(turned), (size / 2, size / 2, 2 * size, 2 * size), (size, size), edge=True
    )
