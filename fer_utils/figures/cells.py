"""Matrices as colored cells."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import Colormap

from fer_utils.figures.style import HEAT


def draw_cells(
    ax: Axes,
    values: np.ndarray,
    vmin: float,
    vmax: float,
    *,
    cmap: str | Colormap = HEAT,
    square: bool = False,
) -> QuadMesh:
    """Draw a matrix as colored cells, the first row at the top; NaN leaves a cell empty.

    values: (R, C); the cell of row r and column c has its center at x = c, y = r.  Unlike
    `imshow` this draws shapes, so that an SVG of it is small and sharp.  Takes the frame, grid
    and tick marks away; returns what a color bar is made from.
    """
    rows, columns = values.shape
    ax.grid(False)
    mesh = ax.pcolormesh(
        np.arange(columns + 1) - 0.5,
        np.arange(rows + 1) - 0.5,
        values,
        cmap=cmap,
        vmin=vmin,
        vmax=vmax,
        edgecolors="white",
        linewidth=0.4,
    )
    ax.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
    if square:
        ax.set_aspect("equal")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return mesh
