"""Figures of annotators and their votes: faces with votes, label shares, agreement, ceilings.

Votes are (N, 10) in the order of `FERPLUS_VOTES`; fractions that come in are of one.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fer_utils.errors import DataError
from fer_utils.figures.cells import draw_cells
from fer_utils.figures.mosaic import Cells, draw_mosaic, unit
from fer_utils.figures.results import accuracy_bars
from fer_utils.figures.style import (
    INK,
    MUTED,
    SERIES_COLORS,
    WIDTH,
    class_color,
    new_figure,
)
from fer_utils.labels import FERPLUS_VOTES

_NAMES = [{"NF": "not a face"}.get(name, name) for name in FERPLUS_VOTES]
_LIGHT = ("unknown", "NF", "happiness", "surprise")  # bars that white numbers vanish on
_SMALL = 0.02  # probabilities that would only hide the bars


def vote_gallery(
    images: np.ndarray,
    votes: np.ndarray,
    titles: Sequence[str] | None = None,
    y_prob: np.ndarray | None = None,
    columns: int = 6,
) -> Figure:
    """Draw each face above bars of its ten votes, one color per emotion.

    images: (N, H, W) uint8 or float in [0, 1]; votes: (N, 10); titles: N short texts, of at
    most two lines; y_prob: (N, 8) a model's probabilities of the expressions, drawn as diamonds
    on the same scale (ten votes are a probability of one); those below 2 % are left out.
    Raises DataError without images.
    """
    if len(images) == 0:
        raise DataError("a vote gallery needs at least one image")
    lines = max((text.count("\n") + 1 for text in titles), default=1) if titles is not None else 0
    cell, rows = WIDTH / columns, -(-len(images) // columns)  # inches, as all that follows
    face, step, title = 0.7 * cell, 0.12, 0.1 + 0.14 * lines
    height = title + face + 0.1 + step * len(_NAMES) + 0.14
    wide, high = cell * min(columns, len(images)), height * rows
    figure = Figure(figsize=(wide, high))
    ax = figure.add_axes((0, 0, 1, 1))  # one for all: two for each face take seconds to draw
    vote = 0.044 * cell  # how long the bar of one vote is
    colors = [class_color(name) for name in FERPLUS_VOTES]
    for number, (image, said) in enumerate(zip(images, votes, strict=True)):
        x, y = number % columns * cell, number // columns * height
        left, top = x + 0.17 * cell, y + title
        extent = (left, left + face, top + face, top)
        ax.imshow(unit(image), cmap="gray", vmin=0, vmax=1, interpolation="nearest", extent=extent)
        if titles is not None:
            ax.text(left + face / 2, top - 0.05, titles[number], ha="center", fontsize=8.5)
        zero, middles = x + 0.48 * cell, top + face + 0.1 + step * (np.arange(len(_NAMES)) + 0.5)
        ax.barh(middles, vote * said, 0.74 * step, zero, color=colors)
        ax.plot(
            [zero, zero], [middles[0] - 0.6 * step, middles[-1] + 0.6 * step], color=MUTED, lw=1
        )
        for place, name in zip(middles, _NAMES, strict=True):
            ax.text(zero - 0.03, place, name, ha="right", va="center", fontsize=6.8)
        for place in np.flatnonzero(np.asarray(said) >= 2):
            color = INK if FERPLUS_VOTES[place] in _LIGHT else "white"
            ax.text(zero + vote * (said[place] - 0.3), middles[place], f"{said[place]}",
                    ha="right", va="center", fontsize=6, color=color)  # fmt: skip
        if y_prob is not None:
            named = np.flatnonzero(np.asarray(y_prob[number]) >= _SMALL)
            ax.plot(zero + 10 * vote * y_prob[number][named], middles[named], "D", ms=3.4,
                    color=INK, mfc="white", mew=1.1)  # fmt: skip
    ax.set(xlim=(0, wide), ylim=(high, 0), aspect="equal")
    ax.set_axis_off()
    return figure


def label_shares(table: pd.DataFrame) -> Figure:
    """Draw the share of each class among the images, one bar per series.

    table: columns class, series ("FER2013", ...), share (of one); both are drawn in the order in
    which they occur, a class that a series does not have is left out.  Raises DataError for a
    table without rows.
    """
    if not len(table):
        raise DataError("label_shares needs a table with at least one row")
    classes, series = table["class"].unique(), table["series"].unique()
    figure = new_figure(height=3.9)
    ax = figure.subplots()
    width = 0.84 / len(series)
    for number, name in enumerate(series):
        share = table[table["series"] == name].set_index("class")["share"].reindex(classes)
        x = np.arange(len(classes)) + (number - (len(series) - 1) / 2) * width
        color = SERIES_COLORS[number % len(SERIES_COLORS)]
        bars = ax.bar(x, 100 * share, 0.92 * width, color=color, label=name)
        texts = ["" if np.isnan(value) else f"{100 * value:.1f}" for value in share]
        ax.bar_label(bars, texts, padding=2, fontsize=7.5)
    ax.set_xticks(np.arange(len(classes)), classes, fontsize=10.5)
    ax.tick_params(axis="x", length=0)
    ax.set_ylabel("images (%)")
    ax.grid(axis="x", visible=False)
    figure.legend(loc="outside upper right", ncols=len(series))
    return figure


def entropy_panels(
    entropy: np.ndarray, kept: np.ndarray, groups: Mapping[str, Mapping[str, np.ndarray]]
) -> Figure:
    """Draw how split the annotators are: all images at the left, means per class at the right.

    entropy: (N,) bits; kept: (N,) bool, whether the image has a majority; groups: series ->
    class -> the entropies of that class's images.  A class without images has no dot.
    Raises DataError without images.
    """
    if len(entropy) == 0:
        raise DataError("entropy_panels needs at least one image")
    figure = new_figure(height=4.2)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
    bins = np.linspace(0, max(float(np.max(entropy)), 1.0), 23)
    weights = [np.full(n, 100 / len(entropy)) for n in (kept.sum(), (~kept).sum())]
    left.hist(
        [entropy[kept], entropy[~kept]], bins, weights=weights, stacked=True, rwidth=0.94,
        color=[SERIES_COLORS[0], "#C4C9CF"], label=["kept", "dropped"],
    )  # fmt: skip
    left.set(title="All images", xlabel="entropy of the votes (bits)", ylabel="images (%)")
    left.legend(loc="upper right")
    left.grid(axis="x", visible=False)
    names = list(dict.fromkeys(name for classes in groups.values() for name in classes))
    for number, (series, classes) in enumerate(groups.items()):
        color = SERIES_COLORS[number % len(SERIES_COLORS)]
        means = [np.mean(classes[name]) if len(classes.get(name, ())) else np.nan for name in names]
        rows = np.arange(len(names)) + (number - (len(groups) - 1) / 2) * 0.22
        right.plot(means, rows, "o", ms=7, color=color, label=series)
    right.set_yticks(np.arange(len(names)), names)
    right.set_ylim(len(names) - 0.4, -0.6)
    right.set(title="Mean by class", xlabel="entropy of the votes (bits)", xlim=(0, None))
    right.tick_params(axis="y", length=0, labelsize=9.5)
    right.legend(loc="lower left")
    return figure


def outcome_matrix(
    counts: np.ndarray, row_names: Sequence[str], column_names: Sequence[str], kept: int = 8
) -> Figure:
    """Draw labels against what the annotators made of them, in percent of the row and in images.

    counts: (R, C) images; the first `kept` columns are expressions, the others reasons to drop
    an image, set off by a line.  A row without images has no percentages.  Raises DataError
    where counts and names do not fit.
    """
    counts = np.asarray(counts)
    if counts.shape != (len(row_names), len(column_names)):
        raise DataError(
            f"outcome_matrix: counts of shape {counts.shape} for {len(row_names)} rows and "
            f"{len(column_names)} columns"
        )
    images = counts.sum(axis=1)
    percent = 100 * counts / np.maximum(images, 1)[:, None]
    figure = new_figure(WIDTH, 1.5 + 0.5 * len(row_names))
    ax = figure.subplots()
    cells = draw_cells(ax, percent, 0, 100)
    for row, column in np.argwhere(counts > 0):
        value = percent[row, column]
        color = "white" if value > 50 else INK
        ax.text(column, row - 0.06, f"{value:.0f} %" if value >= 0.5 else "<1 %", ha="center",
                va="center", fontsize=9, color=color)  # fmt: skip
        ax.text(column, row + 0.27, f"{counts[row, column]:,}", ha="center", va="center",
                fontsize=6.8, color=color)  # fmt: skip
    ax.axvline(kept - 0.5, color=MUTED, lw=1.4)
    names = [f"{name} ({n:,})" for name, n in zip(row_names, images, strict=True)]
    ax.set_xticks(
        np.arange(len(column_names)), column_names, rotation=35, ha="right", rotation_mode="anchor"
    )
    ax.set_yticks(np.arange(len(row_names)), names)
    ax.tick_params(labelsize=9.5)
    ax.set(xlabel="majority of FER+'s annotators, or why there is none", ylabel="label (images)")
    bar = figure.colorbar(cells, ax=ax, aspect=24, pad=0.015)
    bar.set_label("share of the label's images (%)", fontsize=9)
    bar.outline.set_visible(False)
    return figure


def face_rows(rows: Mapping[str, np.ndarray], columns: int = 10) -> Figure:
    """Draw faces in rows, each row's name at its left; the first `columns` images of each.

    rows: name (of one or two lines) -> (n, H, W) uint8 or float in [0, 1].  Raises DataError
    without images.
    """
    cells: Cells = [
        list(images[:columns]) + [None] * (columns - len(images)) for images in rows.values()
    ]
    cell = (WIDTH - 1.6) / columns
    figure = new_figure(WIDTH, cell * len(cells) + 0.1)
    ax = figure.subplots()
    _, tops = draw_mosaic(ax, cells, (3, 3))
    side = next(images for images in rows.values() if len(images)).shape[1]
    for top, name in zip(tops, rows, strict=True):
        ax.text(-4, top + side / 2, name, ha="right", va="center", fontsize=9.5, linespacing=1.3)
    return figure


def measure_panels(table: pd.DataFrame, floors: Mapping[str, float] | None = None) -> Figure:
    """Draw several measures of the same models as dots with intervals, one panel per measure.

    table: columns label, measure, value, ci_low, ci_high, in the units to be shown; labels from
    the top down and measures from left to right, in the order in which they occur.  floors:
    measure -> the best value that is possible, a dashed line.  Raises DataError without rows.
    """
    if not len(table):
        raise DataError("measure_panels needs a table with at least one row")
    labels, measures = table["label"].unique(), table["measure"].unique()
    rows = np.arange(len(labels))
    figure = new_figure(height=1.3 + 0.36 * len(labels))
    axes = figure.subplots(1, len(measures), sharey=True, squeeze=False)[0]
    for ax, measure in zip(axes, measures, strict=True):
        part = table[table["measure"] == measure].set_index("label").reindex(labels)
        value, low, high = part[["value", "ci_low", "ci_high"]].astype(float).to_numpy().T
        ax.hlines(rows, low, high, color=SERIES_COLORS[0], lw=2.6, alpha=0.55)
        ax.plot(value, rows, "o", ms=7, color=SERIES_COLORS[0])
        decimals = 1 if np.nanmax(np.abs(value)) >= 10 else 2
        for row in rows[np.isfinite(value)]:
            ax.annotate(f"{value[row]:.{decimals}f}", (value[row], row), (0, 7), ha="center",
                        textcoords="offset points", fontsize=8.5)  # fmt: skip
        if floors and measure in floors:
            ax.axvline(floors[measure], ls="--", lw=1.3, color=MUTED)
        ax.set_xlabel(measure)
        ax.margins(x=0.12)
        ax.tick_params(axis="y", length=0, labelsize=9.5)
        ax.spines["left"].set_visible(False)
    axes[0].set_yticks(rows, labels)
    axes[0].set_ylim(len(labels) - 0.5, -0.7)
    return figure


def agreement_bars(table: pd.DataFrame) -> Figure:
    """Draw how often people and nets agree with a majority, as dots with intervals.

    table: columns label, accuracy, ci_low, ci_high, fractions of one.  Raises DataError without
    rows.
    """
    figure = accuracy_bars(table.assign(published=np.nan))
    figure.legends[0].texts[0].set_text("agreement, 95 % interval")
    figure.axes[0].set_xlabel("agreement with the majority (%)")
    return figure
