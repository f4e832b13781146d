"""The pictures that the demo and the page are timed on: one face of a public domain photo."""

import io

import skimage.data
from PIL import Image


def webcam_frame() -> Image.Image:
    """Return a webcam's frame, 640 x 480 pixels with one face."""
    picture = Image.new("RGB", (640, 480), (120, 120, 120))
    picture.paste(_astronaut().crop((0, 0, 512, 480)), (64, 0))
    return picture


def three_faces() -> Image.Image:
    """Return a photo of 1000 x 600 pixels with three faces, one of them smaller."""
    face = _astronaut().crop((100, 20, 360, 300))
    picture = Image.new("RGB", (1000, 600), (200, 190, 180))
    picture.paste(face, (40, 40))
    picture.paste(face.resize((182, 196)), (400, 200))
    picture.paste(face.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (700, 250))
    return picture


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """Return the bytes of `picture` as a file of that kind."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def _astronaut() -> Image.Image:
    return Image.fromarray(skimage.data.astronaut())
