"""Figures of transfer learning: what is trained of a net, and what its features find alike."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fer_utils.errors import DataError
from fer_utils.figures.mosaic import unit
from fer_utils.figures.style import FAINT, INK, RIGHT, SERIES_COLORS, WIDTH, WRONG, new_figure

_CELL, _CAPTION = 1.0, 0.2  # inches: side of a face, height of the text below it


def neighbor_gallery(
    queries: np.ndarray,
    neighbors: np.ndarray,
    query_classes: Sequence[str],
    neighbor_classes: Sequence[Sequence[str]],
) -> Figure:
    """Draw faces at the left, and beside each the faces that some features find most alike.

    queries: (Q, H, W) uint8; neighbors: (Q, K, H, W) uint8, the nearest first; query_classes: Q
    names; neighbor_classes: Q lists of K names, green where it is the query's class, else red.
    Raises DataError without faces, or where the numbers do not fit.
    """
    if not len(queries) or len(queries) != len(neighbors) != len(neighbor_classes):
        raise DataError(f"{len(queries)} faces, but neighbors of {len(neighbors)}")
    rows, columns = len(queries), neighbors.shape[1] + 1
    tall = _CELL + _CAPTION
    cell = min(_CELL, WIDTH / (columns + 0.3))
    figure = new_figure(cell * (columns + 0.3), tall * rows)
    figure.set_layout_engine("none")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    for row in range(rows):
        own = query_classes[row]
        names = (own, *neighbor_classes[row])
        for column, face in enumerate((queries[row], *neighbors[row])):
            left, top = column + 0.3 * (column > 0) + 0.04, row * tall + 0.02
            extent = (left, left + 0.92, top + 0.92, top)
            ax.imshow(unit(face), cmap="gray", vmin=0, vmax=1, extent=extent, aspect="auto")
            color = INK if not column else RIGHT if names[column] == own else WRONG
            ax.text(left + 0.46, top + 0.94, names[column], color=color, fontsize=8.5,
                    ha="center", va="top", fontweight="normal" if column else "bold")  # fmt: skip
    ax.axvline(1.15, color=FAINT, linewidth=1.2)
    ax.set(xlim=(0, columns + 0.3), ylim=(rows * tall, 0))
    return figure


def parameter_bars(table: pd.DataFrame) -> Figure:
    """Draw how many parameters of each net are frozen, and how many are trained.

    table: columns net, frozen, trained (counts), drawn from the top down.  Raises DataError for a
    table without rows.
    """
    if not len(table):
        raise DataError("parameter_bars needs a table with at least one row")
    figure = new_figure(height=1.0 + 0.36 * len(table))
    ax = figure.subplots()
    rows, frozen, trained = np.arange(len(table)), table.frozen / 1e6, table.trained / 1e6
    ax.barh(rows, frozen, color="#B9C4D0", height=0.62, label="frozen")
    ax.barh(rows, trained, left=frozen, color=SERIES_COLORS[1], height=0.62, label="trained")
    for row, (still, moving) in enumerate(zip(frozen, trained, strict=True)):
        few = f"{moving:.1g}" if 0 < moving < 0.01 else f"{moving:.2f}"
        ax.text(still + moving, row, f"  {few} of {still + moving:.2f} M", va="center",
                fontsize=8.5, color=INK)  # fmt: skip
    ax.set_yticks(rows, table.net)
    ax.set_ylim(len(table) - 0.4, -0.6)
    ax.set_xlim(0, 1.22 * (frozen + trained).max())
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", visible=False)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("parameters (millions)")
    figure.legend(loc="outside upper right", ncols=2)
    return figure
