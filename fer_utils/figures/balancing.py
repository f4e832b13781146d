"""Figures of class balancing: what is made, what it looks like, and whom it helps.

All fractions that come in are of one; the figures show percent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from fer_utils.balancing.neighbors import nearest_real
from fer_utils.balancing.resampling import is_made
from fer_utils.datasets.base import FaceDataset
from fer_utils.errors import DataError
from fer_utils.figures.cells import draw_cells
from fer_utils.figures.mosaic import draw_mosaic
from fer_utils.figures.style import (
    FAINT,
    INK,
    MUTED,
    SERIES_COLORS,
    WIDTH,
    WRONG,
    new_figure,
)

#: Losses red, gains blue, and white where nothing changes.
_CHANGES = LinearSegmentedColormap.from_list("changes", [WRONG, "white", SERIES_COLORS[0]])
_LIMIT = 30  # points of recall at which the color is full


@dataclass(frozen=True, eq=False)
class MadeFaces:
    """Faces that a method made, each with the real faces nearest to it.

    made: (M, H, W) uint8; nearest: (M, K, H, W) uint8, the nearest first; captions: M lists of
    K short texts; differ: (M, K) bool, the real faces to write in red, such as those of another
    class.
    """

    made: np.ndarray
    nearest: np.ndarray
    captions: Sequence[Sequence[str]]
    differ: np.ndarray


def beside_real(
    resampled: FaceDataset, label: int, count: int = 7, near: int = 3, seed: int = 0
) -> MadeFaces:
    """Return some of the faces that `resample` made of class `label`, with the nearest real ones.

    `count` faces are drawn at random; for each the `near` real faces with the smallest distance,
    of whatever class, are found; in red are those of another one.  Raises DataError when too few
    were made.
    """
    positions = np.flatnonzero(is_made(resampled) & (resampled.labels == label))
    if len(positions) < count:
        raise DataError(
            f"{resampled.source}: {len(positions)} made faces of class "
            f"{resampled.class_names[label]!r}, but {count} are to be drawn; draw fewer"
        )
    chosen = np.sort(np.random.default_rng(seed).choice(positions, count, replace=False))
    real = resampled.take(np.flatnonzero(~is_made(resampled)))
    found = nearest_real(resampled.images[chosen], real.images, near)
    captions = np.array(real.class_names)[real.labels[found]]
    return MadeFaces(
        resampled.images[chosen], real.images[found], captions, real.labels[found] != label
    )


def made_counts(
    real: np.ndarray, made: Mapping[str, np.ndarray], class_names: Sequence[str]
) -> Figure:
    """Draw the images per class that each method has, real ones and, behind them, made ones.

    real: (C,) int; made: method's title -> (C,) int, what it adds.  One panel per method, all
    with one scale; the text is the total.  Raises DataError without methods or images.
    """
    if not made or not np.sum(real):
        raise DataError("made_counts needs at least one image and one method")
    figure = new_figure(height=1.25 + 0.3 * len(class_names))
    axes = figure.subplots(1, len(made), sharey=True, sharex=True, squeeze=False)[0]
    rows = np.arange(len(class_names))
    for ax, (title, added) in zip(axes, made.items(), strict=True):
        ax.barh(rows, real, color=SERIES_COLORS[0], height=0.72, label="real")
        bars = ax.barh(
            rows, added, left=real, color=SERIES_COLORS[1], alpha=0.6, height=0.72, label="made"
        )
        totals = [f"{total:,}" for total in np.add(real, added)]
        ax.bar_label(bars, totals, padding=4, fontsize=8.5, color=INK)
        ax.set_title(f"{title}\n{np.sum(added):,} made", fontsize=10)
        ax.grid(False)
        ax.set_xticks([])
        ax.spines["bottom"].set_visible(False)
        ax.tick_params(axis="y", length=0, labelsize=10)
    longest = max(np.add(real, added).max() for added in made.values())
    axes[0].set_xlim(0, 1.36 * longest)  # room for the text beside the longest bar
    axes[0].set_yticks(rows, class_names)
    axes[0].invert_yaxis()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower right", ncols=2)
    return figure


def made_beside_real(methods: Mapping[str, MadeFaces]) -> Figure:
    """Draw, side by side for each method, made faces and at the right their nearest real ones.

    methods: title -> `MadeFaces`, all of as many faces and neighbors.  Raises DataError without
    faces.
    """
    if not methods or not all(len(faces.made) for faces in methods.values()):
        raise DataError("made_beside_real needs at least one made face")
    first = next(iter(methods.values()))
    (count, side, width), near = first.made.shape, first.nearest.shape[1]
    rows: list[list[np.ndarray | None]] = [[] for _ in range(count)]
    for faces in methods.values():
        for row, face, nearest in zip(rows, faces.made, faces.nearest, strict=True):
            row += [None] if row else []  # a white column between two methods
            row += [face, *nearest]
    columns = len(rows[0])
    cell = min(1.05, WIDTH / columns)
    inch = width / cell  # image pixels per inch
    gap = round(0.2 * inch)
    figure = new_figure(cell * columns * (1 + 4 / width), count * (side + gap) / inch + 0.55)
    ax = figure.subplots()
    lefts, tops = draw_mosaic(ax, rows, (4, gap))
    text = {"ha": "center", "va": "baseline"}
    for number, (title, faces) in enumerate(methods.items()):
        start = number * (near + 2)
        ax.text(
            lefts[start], -0.27 * inch, title, ha="left", va="baseline", fontsize=11,
            fontweight="bold",
        )  # fmt: skip
        x = lefts[start + 1] - 2
        ax.plot([x, x], [tops[0], tops[-1] + side], color=FAINT, lw=2)
        for row, top in enumerate(tops):
            y = top - 0.05 * inch
            ax.text(lefts[start] + width / 2, y, "made", fontsize=8, color=MUTED, **text)
            for place, caption in enumerate(faces.captions[row]):
                color = WRONG if faces.differ[row][place] else INK
                x = lefts[start + 1 + place] + width / 2
                ax.text(x, y, caption, fontsize=8, color=color, **text)
    return figure


def recall_heatmap(recalls: pd.DataFrame) -> Figure:
    """Draw the recall of each class (columns) under each method (rows), in percent.

    recalls: fractions, the index holds the methods' titles; the first row is what the others
    are compared with: the color is the difference from it, in points.  Raises DataError without
    a row to compare.
    """
    if len(recalls) < 2:
        raise DataError("recall_heatmap needs a first row and at least one to compare with it")
    percent = 100 * recalls.to_numpy(np.float64)
    change = percent - percent[0]
    figure = new_figure(WIDTH, 1.25 + 0.36 * len(recalls))
    ax = figure.subplots()
    cells = draw_cells(ax, change, -_LIMIT, _LIMIT, cmap=_CHANGES)
    for row, column in np.ndindex(percent.shape):
        ax.text(
            column, row, f"{percent[row, column]:.0f}", ha="center", va="center", fontsize=9.5,
            color="white" if abs(change[row, column]) > 0.7 * _LIMIT else INK,
            fontweight="normal" if row else "bold",
        )  # fmt: skip
    ax.axhline(0.5, color=MUTED, lw=1.2)
    ax.set_xticks(np.arange(percent.shape[1]), recalls.columns)
    ax.set_yticks(np.arange(len(recalls)), recalls.index)
    ax.xaxis.tick_top()
    ax.tick_params(labelsize=9.5)
    bar = figure.colorbar(cells, ax=ax, aspect=22, pad=0.015, extend="both")
    bar.set_label("change from the first row (points)", fontsize=9)
    bar.outline.set_visible(False)
    return figure
