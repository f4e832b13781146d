"""Many gray faces drawn as one picture."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from fer_utils.errors import DataError

#: Rows of gray images of one shape, (H, W) uint8 or float in [0, 1]; None is left white.
Cells = list[list[np.ndarray | None]]


def unit(images: np.ndarray) -> np.ndarray:
    """Return uint8 images as float32 in [0, 1]; float images as they are."""
    return images.astype(np.float32) / 255 if images.dtype == np.uint8 else images


def draw_mosaic(ax: Axes, cells: Cells, gap: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows of equal gray images (None: left white) as one picture, `gap` (x, y) pixels apart.

    One picture is drawn many times faster than a hundred axes.  Returns the left edges of the
    columns and the top edges of the rows, in pixels: the coordinates of `ax`.  Raises DataError
    without images.
    """
    columns = max(map(len, cells), default=0)
    shape = next((c.shape for row in cells for c in row if c is not None), None)
    if shape is None:
        raise DataError("a figure of faces needs at least one image")
    height, width = shape
    lefts = np.arange(columns) * (width + gap[0])
    tops = np.arange(len(cells)) * (height + gap[1])
    canvas = np.full((tops[-1] + height, lefts[-1] + width), np.nan, np.float32)
    for top, row in zip(tops, cells, strict=True):
        for left, cell in zip(lefts, row, strict=False):
            if cell is not None:
                canvas[top : top + height, left : left + width] = unit(cell)
    extent = (0, canvas.shape[1], canvas.shape[0], 0)
    ax.imshow(canvas, cmap="gray", vmin=0, vmax=1, interpolation="nearest", extent=extent)
    ax.set_axis_off()
    return lefts, tops


def in_rows(items: Sequence, columns: int) -> list[list]:
    """Return `items` in rows of `columns`; the last row may be shorter."""
    return [list(items[start : start + columns]) for start in range(0, len(items), columns)]
