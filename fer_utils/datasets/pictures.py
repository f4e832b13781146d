"""Picture files as one uint8 array: turned upright, cut to a square, shrunk, all of one side.

Of a picture the largest square about its center is taken (or about a given box, in pixels of the
upright picture, moved inward where it would leave the picture), so that no face is stretched.  It
is resized with Pillow's Lanczos filter, whose support grows with the reduction: every source
pixel counts, and nothing aliases.  Large pictures are first averaged over whole blocks, to no
less than three times the side (`reducing_gap`).  Smaller pictures are enlarged.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from tqdm.auto import tqdm

from fer_utils.errors import DataError
from fer_utils.files import sha256_bytes
from fer_utils.paths import relative

#: Raise it when the pixels change that come out of the same file: caches and keys follow.
READER_VERSION = 1
SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp")
_MODES = {False: "L", True: "RGB"}
_NAMES_LISTED = 3
#: What Pillow raises for a file that is no picture, is cut off, or unpacks to a monster.
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)

Box = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Pictures:
    """Decoded pictures.

    images: (n, S, S) uint8 gray or (n, S, S, 3) uint8 RGB.
    kept: (n,) int64 ascending, the positions of the images in the list of files that was asked
        for; those that are missing could not be read.
    hashes: (n,) SHA-256 of the files' bytes as text.
    faults: texts on what could not be read; empty when all is well.
    """

    images: np.ndarray
    kept: np.ndarray
    hashes: np.ndarray
    faults: tuple[str, ...]


def read_pictures(
    files: list[Path],
    side: int,
    *,
    color: bool = False,
    boxes: np.ndarray | None = None,
    strict: bool = False,
    name: str = "pictures",
) -> Pictures:
    """Return the pictures of `files`, each `side` x `side` pixels, decoded on all cores.

    color: RGB instead of gray.
    boxes: (N, 4) left, top, width, height of the face in pixels; None, or a row of NaN, for the
        largest square about the center.
    strict: raise DataError naming the first file that can't be read, instead of leaving it out.
    name: for the progress bar and the messages.
    """
    images = np.empty((len(files), side, side, *((3,) if color else ())), np.uint8)

    def read(position: int) -> tuple[str, str]:
        """Fill in one image; return its hash and what is wrong, one of them empty."""
        try:
            data = files[position].read_bytes()
            whole = boxes is None or np.isnan(boxes[position]).any()
            box = None if whole else tuple(map(float, boxes[position]))
            images[position] = decode(data, side, color=color, box=box)
            return sha256_bytes(data), ""
        except _UNREADABLE as error:
            return "", str(error) or type(error).__name__

    hashes, bad = [], {}
    bar = tqdm(total=len(files), desc=f"reading {name}", unit="image", leave=False, disable=None)
    # Threads: Pillow lets go of the interpreter while it decodes and resizes.
    with bar, ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            for position, (digest, error) in enumerate(pool.map(read, range(len(files)))):
                bar.update()
                hashes.append(digest)
                if error:
                    bad[position] = error
                    if strict:
                        raise DataError(_unreadable(files[position], error))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    kept = np.array([p for p in range(len(files)) if p not in bad], dtype=np.int64)
    if len(kept) < len(files):
        for new, old in enumerate(kept):  # in place: a copy would double the memory
            images[new] = images[old]
        images = images[: len(kept)]
    faults = ()
    if bad:
        names = [files[position].name for position in bad]
        faults = (counted(names, "unreadable image", "unreadable images", "left out"),)
    return Pictures(images, kept, np.array(hashes, dtype=str)[kept], faults)


def decode(data: bytes, side: int, *, color: bool = False, box: Box | None = None) -> np.ndarray:
    """Return one picture file's bytes as (side, side) uint8 gray or (side, side, 3) uint8 RGB.

    box: left, top, width, height of the face in pixels of the upright picture; default: center.
    Raises ValueError for a picture of more than 8 bits or an empty box, and what Pillow raises.
    """
    with Image.open(BytesIO(data)) as opened:
        if opened.mode[0] in "IF":
            raise ValueError(f"more than 8 bits a pixel (mode {opened.mode})")
        picture = ImageOps.exif_transpose(opened)
        if "transparency" in picture.info:
            picture = picture.convert("RGBA")
        picture = picture.convert(_MODES[color])
    region = square(picture.size, box)
    filtered = picture.resize((side, side), Image.Resampling.LANCZOS, region, reducing_gap=3.0)
    return np.asarray(filtered)


def square(size: tuple[int, int], box: Box | None = None) -> Box:
    """Return left, top, right, bottom of the square that is cut from a picture of `size`.

    Without `box` the largest square about the center.  With it (left, top, width, height) the
    square of its longer side about its center, moved inward as far as it leaves the picture, and
    no larger than the picture.  Raises ValueError for a box that is empty or outside.
    """
    width, height = size
    left, top, box_width, box_height = box or (0, 0, width, height)
    inside = left < width and top < height and left + box_width > 0 and top + box_height > 0
    if not (box_width > 0 and box_height > 0 and inside):
        raise ValueError(f"face box {box} in a picture of {width} x {height} pixels")
    edge = min(max(box_width, box_height), width, height)
    x = min(max(left + (box_width - edge) / 2, 0), width - edge)
    y = min(max(top + (box_height - edge) / 2, 0), height - edge)
    return x, y, x + edge, y + edge


def counted(names: list[str], one: str, many: str, done: str) -> str:
    """Return a text like "2 unreadable images left out: a.jpg, b.jpg" (the first few names)."""
    names = [str(name) for name in names]
    listed = ", ".join(names[:_NAMES_LISTED]) + (", ..." if len(names) > _NAMES_LISTED else "")
    return f"{len(names):,} {one if len(names) == 1 else many} {done}: {listed}"


def _unreadable(path: Path, error: str) -> str:
    return (
        f"{relative(path)} is no readable image ({error}); get the file again, or load the data "
        "set without strict=True to leave such files out"
    )
