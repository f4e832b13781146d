"""Read the weights of a net that dlib saved, without dlib."""

from pathlib import Path

import numpy as np

from fer_utils.errors import DataError
from fer_utils.paths import relative

#: Kinds of layers, by the tag that dlib 19 writes before each.
_TAGS = {"con_4": "con", "affine_": "affine"}


def read_dlib_dat(path: Path | str) -> list[tuple[str, np.ndarray]]:
    """Return convolutions and norms, from the input on, each as its kind and its weights.

    kind: `con` (filters in the order out, in, rows, columns, then one bias per filter) or
    `affine` (scales, then offsets); the weights are flat, float32.  Dense layers are left out.
    Raises DataError when the file is truncated, or nothing that dlib wrote.
    """
    data = Path(path).read_bytes()
    tags = {_string(tag): kind for tag, kind in _TAGS.items()}
    layers, position = [], 0
    try:
        while True:
            places = {data.find(tag, position): tag for tag in tags}
            places.pop(-1, None)
            if not places:
                break
            tag = places[min(places)]
            weights, position = _tensor(data, min(places) + len(tag))
            layers.append((tags[tag], weights))
    except (IndexError, ValueError) as error:
        raise DataError(
            f"{relative(path)} is cut off or damaged ({error}); get it again"
        ) from error
    if not layers:
        raise DataError(f"{relative(path)} is not a net that dlib saved; get it again")
    return layers


def _tensor(data: bytes, position: int) -> tuple[np.ndarray, int]:
    """Return the tensor at `position`, flat, and the position behind it.

    dlib writes a version, the four sizes, and the numbers as they lie in memory.
    """
    sizes = []
    for _ in range(5):
        number, position = _integer(data, position)
        sizes.append(number)
    version, *shape = sizes
    if version != 2:
        raise ValueError(f"version {version} of a tensor")
    count = int(np.prod(shape))
    return np.frombuffer(data, "<f4", count, position), position + 4 * count


def _integer(data: bytes, position: int) -> tuple[int, int]:
    """Return the whole number at `position` and the position behind it.

    dlib writes a byte with the number of bytes (and, in its highest bit, the sign), then these,
    the lowest first.
    """
    length = data[position] & 0x0F
    number = int.from_bytes(data[position + 1 : position + 1 + length], "little")
    return (-number if data[position] & 0x80 else number), position + 1 + length


def _string(text: str) -> bytes:
    """Return how dlib writes a short string: its length as a whole number, then its bytes."""
    return bytes([1, len(text)]) + text.encode()
