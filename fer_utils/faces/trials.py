"""Pictures made to try the pipeline: collages of known faces; turned, dim and distant ones."""

from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from fer_utils.faces.classifier import Classifier
from fer_utils.faces.crops import crop_face
from fer_utils.faces.detection import detect_faces
from fer_utils.faces.face import Face
from fer_utils.faces.resize import area_resize, to_uint8

GRAY = 128
#: A found box is smaller than FER2013's frame; sides of it that still mean the same face, as parts.
_SIDES = (0.4, 1.5)


def enlarge(image: np.ndarray, side: int) -> np.ndarray:
    """Return a square image (H, H[, 3]) uint8 as (side, side[, 3]) uint8, larger or smaller."""
    whole = (0, 0, image.shape[1], image.shape[0])
    return to_uint8(area_resize(image, whole, (side, side), edge=True))


def collage(
    images: np.ndarray, sides: Sequence[int], width: int = 960, gap: int = 28
) -> tuple[np.ndarray, np.ndarray]:
    """Return one gray picture with a row of faces for each of `sides`, and where they are.

    images: (N, H, H) uint8, taken in turn; a row has as many faces as fit, evenly spread.
    Returns the picture (H, width, 3) uint8, and the frames (n, 4) float64, left, top, width,
    height, of the first n images.
    """
    height = gap + sum(side + gap for side in sides)
    picture = np.full((height, width), GRAY, np.uint8)
    frames, top = [], gap
    for side in sides:
        count = (width - gap) // (side + gap)
        free = (width - count * side) / (count + 1)
        for place in range(count):
            left = round(free + place * (side + free))
            image = images[len(frames) % len(images)]
            picture[top : top + side, left : left + side] = enlarge(image, side)
            frames.append((left, top, side, side))
        top += side + gap
    return np.repeat(picture[..., None], 3, axis=2), np.array(frames, np.float64)


def match(faces: Sequence[Face], frames: np.ndarray) -> np.ndarray:
    """Return which of `faces` is in each frame, (n,) int64, or -1 where none is.

    A face is in a frame when its box's middle is, and its side is 0.4 to 1.5 of the frame's; of
    several the surest, which comes first.
    """
    found = np.full(len(frames), -1, np.int64)
    for row, (left, top, width, height) in enumerate(frames):
        for number, face in enumerate(faces):
            x, y = face.x + face.width / 2, face.y + face.height / 2
            inside = left <= x <= left + width and top <= y <= top + height
            part = (face.width * face.height) ** 0.5 / width
            if inside and _SIDES[0] <= part <= _SIDES[1]:
                found[row] = number
                break
    return found


def turn(picture: np.ndarray, degrees: float) -> np.ndarray:
    """Return `picture` (H, W, 3) uint8 turned about its middle, counter-clockwise."""
    turned = Image.fromarray(picture).rotate(
        degrees, Image.Resampling.BILINEAR, fillcolor=(GRAY, GRAY, GRAY)
    )
    return np.asarray(turned)


def dim(picture: np.ndarray, light: float, noise: float = 4.0, seed: int = 0) -> np.ndarray:
    """Return `picture`, uint8, with `light` (0 to 1) of its light and a camera's noise.

    noise: standard deviation in gray levels, the same for all channels of a pixel; it does not
    fade with the light, which is why a dim picture can't just be brightened.
    """
    grain = np.random.default_rng(seed).normal(0, noise, picture.shape[:2])
    return to_uint8(picture * light + grain[..., None])


def find_and_name(
    pictures: Iterable[np.ndarray],
    classifier: Classifier,
    detector: str = "blazeface",
    *,
    align: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Return whether the face in the middle of each picture is found, and what it shows.

    pictures: (H, W, 3) uint8 RGB.  Returns (n,) bool, and (n, C) float32 probabilities, NaN where
    no face is found whose box has the picture's middle in it.
    """
    found, crops = [], []
    for picture in tqdm(pictures, desc="looking", unit="picture", leave=False, disable=None):
        y, x = np.array(picture.shape[:2]) / 2
        faces = [
            face
            for face in detect_faces(picture, detector)
            if face.x <= x <= face.x + face.width and face.y <= y <= face.y + face.height
        ]
        found.append(bool(faces))
        if faces:
            crops.append(crop_face(picture, faces[0], classifier.side, align=align))
    y_prob = np.full((len(found), len(classifier.class_names)), np.nan, np.float32)
    if crops:
        y_prob[np.array(found)] = classifier.predict(np.stack(crops))
    return np.array(found, bool), y_prob
