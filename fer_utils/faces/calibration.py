"""How a detector's box lies in FER2013's frames: the numbers behind `fer_utils.faces.crops`.

FER2013 images are enlarged and put in the middle of a gray canvas, as a photo would show the
face; the detector looks for it.  From where its box lies in the frame follows which frame belongs
to a box.  Medians: some images show no face, and a few boxes are wrong.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from fer_utils.errors import DataError
from fer_utils.faces.face import Face
from fer_utils.faces.resize import area_resize, to_uint8

Detect = Callable[[np.ndarray], list[Face]]


def on_canvas(image: np.ndarray, side: int = 96, canvas: int = 288, gray: int = 128) -> np.ndarray:
    """Return a gray image (H, W) uint8, resized, in the middle of a (canvas, canvas, 3) picture."""
    picture = np.full((canvas, canvas), gray, np.uint8)
    start = (canvas - side) // 2
    whole = (0, 0, image.shape[1], image.shape[0])
    picture[start : start + side, start : start + side] = to_uint8(
        area_resize(image, whole, (side, side))
    )
    return np.repeat(picture[..., None], 3, axis=2)


def measure_frames(
    images: np.ndarray, detect: Detect, side: int = 96, canvas: int = 288
) -> pd.DataFrame:
    """Return where FER2013's frame lies about the box of each image in which one face is found.

    images: (N, H, W) uint8.  Columns, in sides of the box (the root of its area): `scale`, side
    of the frame; `right` and `shift`, how far the frame's middle is to the right of the box's
    and below it.
    """
    start, rows = (canvas - side) // 2, []
    for image in tqdm(images, desc="finding faces", unit="image", leave=False, disable=None):
        faces = detect(on_canvas(image, side, canvas))
        if len(faces) != 1:
            continue
        face = faces[0]
        box_side = (face.width * face.height) ** 0.5
        middle = start + side / 2
        rows.append(
            {
                "scale": side / box_side,
                "right": (middle - face.x - face.width / 2) / box_side,
                "shift": (middle - face.y - face.height / 2) / box_side,
            }
        )
    return pd.DataFrame(rows, columns=["scale", "right", "shift"], dtype=float)


def calibrate(images: np.ndarray, detect: Detect, **sizes: int) -> dict[str, float]:
    """Return the medians of `measure_frames`, the quartiles and how many images had one face.

    Keys: images, found; scale, right, shift; the same with `_low` and `_high` for the quartiles.
    Raises DataError when no face is found.
    """
    table = measure_frames(images, detect, **sizes)
    if table.empty:
        raise DataError(f"no face found in {len(images)} images: calibrate on images of faces")
    result: dict[str, float] = {"images": len(images), "found": len(table)}
    for name in table:
        low, middle, high = np.percentile(table[name], [25, 50, 75])
        result |= {name: middle, f"{name}_low": low, f"{name}_high": high}
    return result
