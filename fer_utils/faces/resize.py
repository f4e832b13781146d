"""Cut a rectangle out of a picture and resize it, by arithmetic that JavaScript can repeat.

The resize is the same in x and y, first y, then x.  The rectangle starts at `start` and is
`length` source pixels long; source pixel i covers i to i + 1; both may be fractions.  It is
divided into `count` cells of equal length step = length / count.  Output k is the mean of the
source over a window about the middle of its cell, as long as the cell but at least one pixel:

    middle = start + (k + 0.5) * step;  half = max(step, 1) / 2
    from = middle - half;  to = middle + half
    weight of pixel i = (min(to, i + 1) - max(from, i)) / (to - from), where that is above zero

So every source pixel counts by the part of it that is covered when a picture is shrunk (area
averaging), and enlarging is linear interpolation.  What the window covers outside the picture is
either 0 (black) or the nearest edge pixel (`edge=True`).  All of it is done in float64.

Sums depend on their order in the last bits only.  To round to whole gray levels, add
`0.5 + 1e-6` and take the floor: then a value that is half way, give or take those bits, is
rounded up in every implementation.
"""

import numpy as np

#: Added before the floor; see above.
ROUND = 0.5 + 1e-6
#: ITU-R BT.601 luma of red, green and blue.
LUMA = (0.299, 0.587, 0.114)


def area_resize(
    image: np.ndarray,
    box: tuple[float, float, float, float],
    size: tuple[int, int],
    *,
    edge: bool = False,
) -> np.ndarray:
    """Return the rectangle `box` of `image`, resized, as float64 of the image's own range.

    image: (H, W) or (H, W, C), any numeric dtype; box: left, top, width, height in pixels, may
    reach outside; size: (height, width) of the result, which is (height, width[, C]).
    edge: what is outside repeats the nearest pixel instead of being 0.
    Raises ValueError for an empty image, box or size.
    """
    left, top, width, height = map(float, box)
    if not (image.size and width > 0 and height > 0 and min(size) > 0):
        raise ValueError(f"nothing to resize: image {image.shape}, box {box}, size {size}")
    down = windows(top, height, size[0], image.shape[0], edge)
    across = windows(left, width, size[1], image.shape[1], edge)
    begin, end = across[0][0], across[-1][0] + len(across[-1][1])
    first_row, last_row = down[0][0], down[-1][0] + len(down[-1][1])
    columns = image[first_row:last_row, begin:end].reshape(last_row - first_row, -1)
    rows = np.empty((size[0], columns.shape[1]))
    # row by row: the picture as float64 would be eight times as large
    for k, (first, weights) in enumerate(down):
        first -= first_row
        rows[k] = weights @ columns[first : first + len(weights)]
    rows = rows.reshape(size[0], end - begin, -1)
    result = np.empty((size[0], size[1], rows.shape[2]))
    for k, (first, weights) in enumerate(across):
        result[:, k] = weights @ rows[:, first - begin : first - begin + len(weights)]
    return result.reshape(*size, *image.shape[2:])


def windows(
    start: float, length: float, count: int, pixels: int, edge: bool = False
) -> list[tuple[int, np.ndarray]]:
    """Return, for each of `count` outputs, the first source pixel and the pixels' weights.

    pixels: how many there are; the weights, (n,) float64, sum to one, or to less where a part
    of the window lies outside the picture and `edge` is false.
    """
    step = length / count
    half = max(step, 1.0) / 2
    found = []
    for k in range(count):
        middle = start + (k + 0.5) * step
        begin, end = middle - half, middle + half
        first = min(max(int(np.floor(begin)), 0), pixels - 1)
        last = min(max(int(np.ceil(end)), first + 1), pixels)
        i = np.arange(first, last)
        weights = np.maximum(np.minimum(end, i + 1) - np.maximum(begin, i), 0.0)
        if edge:
            weights[0] += max(min(end, 0.0) - begin, 0.0)
            weights[-1] += max(end - max(begin, pixels), 0.0)
        found.append((first, weights / (end - begin)))
    return found


def to_gray(image: np.ndarray) -> np.ndarray:
    """Return (H, W, 3) RGB as (H, W) float64 by `LUMA`; gray (H, W) as float64, unchanged."""
    if image.ndim == 2:
        return image.astype(np.float64)
    red, green, blue = (image[..., channel].astype(np.float64) for channel in range(3))
    return red * LUMA[0] + green * LUMA[1] + blue * LUMA[2]


def to_uint8(values: np.ndarray) -> np.ndarray:
    """Return `values` rounded to whole gray levels, uint8; see the module's text."""
    return np.clip(np.floor(values + ROUND), 0, 255).astype(np.uint8)
