"""Rows and columns of pictures, gray or colored, with heat laid over faces."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from PIL import Image

from fer_utils.errors import DataError
from fer_utils.figures.mosaic import unit
from fer_utils.figures.style import DIVERGING, INK, MUTED, WIDTH, new_figure

HOT = "inferno"  # what counts most is brightest
_ENLARGE = 4  # each pixel of a face becomes 4 x 4: heat and dreams look smooth

#: A picture: (H, W) or (H, W, 3), uint8 or float in [0, 1]; a text is written; None is left white.
Picture = np.ndarray | str | None


def enlarge(image: np.ndarray) -> np.ndarray:
    """Return a gray image (H, W), uint8 or float in [0, 1], four times as large and smooth."""
    return _resized(unit(image), image.shape[0] * _ENLARGE, image.shape[1] * _ENLARGE).clip(0, 1)


def _resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    picture = Image.fromarray(np.asarray(image, np.float32))
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))


def heat_over(
    image: np.ndarray, heat: np.ndarray, limit: float | None = None, *, signed: bool = True
) -> np.ndarray:
    """Lay `heat` over a gray face: the more of it, the less face shines through.

    image: (H, W) uint8 or float in [0, 1]; heat: (h, w), stretched over it; limit: heat of full
    color, by default what 99.5 % of the heat's absolute values do not reach.
    signed: red above zero and blue below, else only what is above zero, from dark to bright.
    Returns (4 H, 4 W, 3) float32 in [0, 1].
    """
    gray = enlarge(image)[..., None]
    limit = limit or float(np.quantile(np.abs(heat), 0.995)) or 1.0
    share = (_resized(heat, *gray.shape[:2]) / limit).clip(-1 if signed else 0, 1)
    place = (share + 1) / 2 if signed else share
    color = mpl.colormaps[DIVERGING if signed else HOT](place)[..., :3]
    if signed:
        alpha = 0.85 * np.abs(share)[..., None]
        return (alpha * color + (1 - alpha) * (0.15 + 0.75 * gray)).astype(np.float32)
    alpha = 0.25 + 0.5 * share[..., None]
    return (alpha * color + (1 - alpha) * gray).clip(0, 1).astype(np.float32)


def heat_bar(limit: float, label: str, *, signed: bool = True) -> tuple[ScalarMappable, str]:
    """Return what `picture_grid` needs to draw the color scale of `heat_over`."""
    norm = Normalize(-limit if signed else 0, limit)
    return ScalarMappable(norm, DIVERGING if signed else HOT), label


def picture_grid(
    rows: Sequence[Sequence[Picture]],
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    *,
    cell: float | None = None,
    bar: tuple[ScalarMappable, str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw rows of square pictures as one figure, labels at the left and above.

    rows: pictures of any sizes; all are drawn equally large.  cell: side of one in inches (as
    wide as a page by default).  bar: a color scale, see `heat_bar`.  Raises DataError where
    there is no picture at all.
    """
    columns = max(map(len, rows), default=0)
    if not any(isinstance(picture, np.ndarray) for row in rows for picture in row):
        raise DataError("a grid of pictures needs at least one picture")
    longest = max((len(line) for text in row_labels for line in text.splitlines()), default=0)
    margin = 0.085 * longest + 0.1 if longest else 0.05  # inches
    right = 0.75 if bar else 0.05
    lines = max((text.count("\n") + 1 for text in column_labels), default=0)
    top = 0.17 * lines + (0.1 if lines else 0.03) + (0.3 if title else 0)
    cell = cell or min(1.35, (WIDTH - margin - right) / columns)
    width, height = margin + cell * columns + right, top + cell * len(rows) + 0.03
    # Placed by hand, in inches: the automatic layout takes seconds for many axes.
    figure = new_figure(width, height)
    figure.set_layout_engine("none")
    if title:
        figure.suptitle(title, x=0.01, ha="left", y=1 - 0.06 / height, va="top")
    ax = figure.add_axes((margin / width, 0.03 / height, cell * columns / width,
                          cell * len(rows) / height))  # fmt: skip
    ax.set(xlim=(0, columns), ylim=(len(rows), 0))
    ax.set_axis_off()
    gap = 0.03
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            if isinstance(picture, str):
                ax.text(x + 0.5, y + 0.5, picture, ha="center", va="center", fontsize=8.5,
                        color=MUTED)  # fmt: skip
            elif picture is not None:
                extent = (x + gap, x + 1 - gap, y + 1 - gap, y + gap)
                ax.imshow(unit(picture), cmap="gray", vmin=0, vmax=1, extent=extent, aspect="auto")
    ax.set(xlim=(0, columns), ylim=(len(rows), 0))
    for y, text in enumerate(row_labels):
        ax.text(-0.08 / cell, y + 0.5, text, ha="right", va="center", fontsize=10, color=INK)
    for x, text in enumerate(column_labels):
        ax.text(x + 0.5, -0.05 / cell, text, ha="center", va="bottom", fontsize=10, color=INK)
    if bar:
        tall = min(cell * len(rows), 3.0)
        place = ((width - right + 0.1) / width, 0.06 / height, 0.13 / width, (tall - 0.06) / height)
        drawn = figure.colorbar(bar[0], cax=figure.add_axes(place))
        drawn.set_label(bar[1], fontsize=9)
        drawn.outline.set_visible(False)
        drawn.ax.tick_params(labelsize=8)
    return figure
