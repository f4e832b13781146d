"""From the bytes that a stranger sends to an upright RGB picture, within limits."""

import io
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image, UnidentifiedImageError

from fer_utils.faces.photos import MAX_PIXELS, decode_photo

MAX_BYTES = 10_000_000
MAX_SIDE = 16_384
MIN_SIDE = 16
#: By content; the name and the declared type say nothing.
FORMATS = ("JPEG", "PNG", "WEBP")
_MPO = "MPO"  # what a JPEG with others behind it, as phones write, becomes when opened


class UploadError(Exception):
    """A picture that is not looked at: an HTTP status and one sentence for its sender."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


@dataclass(frozen=True)
class Upload:
    """A decoded picture: (H, W, 3) uint8 RGB, upright, and what its sender should know of it."""

    image: np.ndarray
    notes: tuple[str, ...] = ()


def decode(data: bytes) -> Upload:
    """Return the picture in `data`; raise UploadError where it is none, damaged or too large.

    JPEG, PNG or WebP.  Of an animation the first picture is taken, and a note says so.
    """
    if not data:
        raise UploadError(400, "The request has no picture: send a JPEG, PNG or WebP file.")
    if len(data) > MAX_BYTES:
        raise too_many_bytes()
    try:
        animated = _check_head(data)
        image = decode_photo(data, formats=FORMATS)
    except UploadError:
        raise
    except UnidentifiedImageError as error:
        raise UploadError(415, "This is no JPEG, PNG or WebP picture.") from error
    except Image.DecompressionBombError as error:
        raise _too_large("more than a hundred million pixels") from error
    except MemoryError as error:
        raise _too_large("more pixels than fit into memory") from error
    except Exception as error:  # whatever a broken file makes its decoder raise
        raise UploadError(400, "The picture is damaged or cut off.") from error
    return Upload(image, ("animated: only the first picture was looked at",) if animated else ())


def too_many_bytes() -> UploadError:
    """Return the error for a body above `MAX_BYTES`."""
    return UploadError(413, f"The file is larger than {MAX_BYTES // 10**6} MB.")


def _check_head(data: bytes) -> bool:
    """Check kind and size before anything is unpacked; return whether it is an animation."""
    Image.init()  # else Pillow knows only some of the formats
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pixels, which are limited here in words
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            width, height = opened.size
            animated = opened.format != _MPO and getattr(opened, "n_frames", 1) > 1
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise _too_large(f"{width} x {height} pixels")
    if min(width, height) < MIN_SIDE:
        raise UploadError(
            422, f"The picture has {width} x {height} pixels; a face needs at least {MIN_SIDE}."
        )
    return animated


def _too_large(what: str) -> UploadError:
    return UploadError(
        413,
        f"The picture has {what}; at most {MAX_PIXELS // 10**6} million are taken, and "
        f"{MAX_SIDE} on a side.",
    )
