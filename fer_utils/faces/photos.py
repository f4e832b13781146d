"""Photos: finding the files, and reading one safely as upright RGB."""

import struct
import warnings
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from fer_utils.errors import DataError
from fer_utils.paths import relative

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
#: Pillow's decoders that a photo may reach; the many others would only be there to be attacked.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
#: 25 megapixels, which is 75 MB as RGB.  A small file can unpack to gigabytes.
MAX_PIXELS = 25_000_000
#: What Pillow raises for a file that is no picture, is cut off, or unpacks to a monster.
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, KeyError, TypeError, IndexError,
               OverflowError, struct.error, Image.DecompressionBombError)  # fmt: skip
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N", "I")


def find_photos(paths: Iterable[Path], without: Path | None = None) -> list[Path]:
    """Return the files among `paths` and the pictures in its folders and theirs, each once.

    A file that is named is taken whatever its suffix; of a folder those with `SUFFIXES`, sorted.
    without: a folder that is left out (the results, which may lie inside).
    Raises DataError for a path that does not exist.
    """
    skipped = None if without is None else without.resolve()
    found: dict[Path, Path] = {}
    for path in paths:
        if not path.exists():
            raise DataError(f"{path} does not exist; give photos or folders of photos")
        for file in _pictures_in(path) if path.is_dir() else [path]:
            whole = file.resolve()
            if skipped is None or not whole.is_relative_to(skipped):
                found.setdefault(whole, file)
    return list(found.values())


def _pictures_in(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if file.suffix.lower() in SUFFIXES and not hidden and file.is_file():
            yield file


def read_photo(path: Path, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Return a photo as it is meant to be seen, (H, W, 3) uint8 RGB; see `decode_photo`.

    Raises DataError, naming the file, when it can't be read.
    """
    try:
        return decode_photo(path.read_bytes(), max_pixels)
    except UnidentifiedImageError as error:
        raise DataError(f"{relative(path)} is no readable photo: not a picture file") from error
    except _UNREADABLE as error:
        reason = str(error).replace(f": '{path}'", "") or type(error).__name__
        raise DataError(f"{relative(path)} is no readable photo: {reason}") from error
    except MemoryError as error:
        raise DataError(f"{relative(path)} does not fit into memory") from error


def decode_photo(
    data: bytes, max_pixels: int = MAX_PIXELS, formats: Sequence[str] = FORMATS
) -> np.ndarray:
    """Return a photo's bytes as upright (H, W, 3) uint8 RGB, the first frame of an animation.

    The EXIF rotation is applied, transparent parts lie on white, 16-bit gray loses its low bits,
    CMYK and palettes become RGB; color profiles are ignored.  formats: Pillow's names.
    Raises ValueError for more than `max_pixels` (before anything is unpacked) or for an unknown
    kind of pixel, and what Pillow raises for a damaged file.
    """
    with warnings.catch_warnings():
        # the size is checked here, in words; other warnings are of harmless oddities
        warnings.simplefilter("ignore")
        with Image.open(BytesIO(data), formats=formats) as opened:
            width, height = opened.size
            if width * height > max_pixels:
                raise ValueError(
                    f"{width} x {height} are {width * height / 1e6:.1f} megapixels, more than "
                    f"{max_pixels / 1e6:g}; shrink it first"
                )
            opened.load()
            return np.asarray(_to_rgb(_upright(opened)))


def _upright(picture: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # damaged EXIF data raise anything; the pixels are fine
        return picture


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode in _SIXTEEN_BITS:
        values = np.asarray(picture).astype(np.int64)
        picture = Image.fromarray(np.clip(values >> 8, 0, 255).astype(np.uint8))
    if picture.mode == "F":
        raise ValueError("its pixels are floating-point numbers; save it with 8 bits a color")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")
