"""Boxes and labels on a photo."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fer_utils.faces.face import Face

#: Of the picture that is drawn on, in pixels; larger ones are shrunk to it.
LARGEST_SIDE = 2048
_BOX, _TEXT, _BACKGROUND = (0, 230, 118), (0, 0, 0), (0, 230, 118)
_DOT = (255, 214, 0)


def shrink(image: np.ndarray, largest: int = LARGEST_SIDE) -> Image.Image:
    """Return (H, W, 3) uint8 RGB as a Pillow picture of at most `largest` pixels a side."""
    picture = Image.fromarray(image)
    picture.thumbnail((largest, largest), Image.Resampling.BOX)
    return picture


def draw_faces(
    picture: Image.Image,
    faces: Sequence[Face],
    texts: Sequence[str],
    scale: float = 1.0,
    *,
    landmarks: bool = True,
) -> Image.Image:
    """Return a copy of an RGB picture with a box, a text and dots at the landmarks of each face.

    scale: pixels of the picture per pixel of the photo in which the faces were found.
    """
    drawn = picture.copy()
    pen = ImageDraw.Draw(drawn)
    line = max(2, round(max(drawn.size) / 400))
    for face, text in zip(faces, texts, strict=True):
        left, top = face.x * scale, face.y * scale
        right, bottom = left + face.width * scale, top + face.height * scale
        pen.rectangle((left, top, right, bottom), outline=_BOX, width=line)
        if landmarks:
            for x, y in face.landmarks * scale:
                pen.ellipse((x - line, y - line, x + line, y + line), fill=_DOT)
        _write(pen, text, (left, top, right, bottom), drawn.size)
    return drawn


def _write(
    pen: ImageDraw.ImageDraw,
    text: str,
    box: tuple[float, float, float, float],
    size: tuple[int, int],
) -> None:
    """Write `text` above the box, or where that is outside the picture as near as it fits."""
    left, top, right, _ = box
    font = ImageFont.load_default(float(np.clip((right - left) / 6, 11, max(11, size[0] / 24))))
    _, _, width, height = pen.textbbox((0, 0), text, font=font)
    width, height = width + 6, height + 4
    x = min(max(left, 0), max(0, size[0] - width))
    y = min(max(top - height, 0), max(0, size[1] - height))
    pen.rectangle((x, y, x + width, y + height), fill=_BACKGROUND)
    pen.text((x + 3, y + 1), text, fill=_TEXT, font=font)
