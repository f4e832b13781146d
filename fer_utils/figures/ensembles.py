"""Figures of ensembles and of errors: what members add, share and get wrong.

All fractions that come in are of one; the figures show percent.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fer_utils.errors import DataError
from fer_utils.figures.cells import draw_cells
from fer_utils.figures.predictions import draw_reliability
from fer_utils.figures.style import INK, MUTED, SERIES_COLORS, WIDTH, new_figure

_BARS = "#9AA7B5"  # numbers of images: behind what the figure is about
_SPAN = 10  # percentage points that a color scale spans at least: noise must not look like much


def member_curves(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the accuracy of the soft vote against the number of members, one panel per title.

    curves: title ("valid", "test") -> columns members, mean, low, high (over the subsets of that
    size) and best_first (NaN: not drawn).  The panels share their scale.
    Raises DataError without curves.
    """
    if not curves:
        raise DataError("member_curves needs at least one curve")
    figure = new_figure(WIDTH if len(curves) > 1 else 6.4, 4.0)
    axes = figure.subplots(1, len(curves), sharey=True, squeeze=False)[0]
    for ax, (title, curve) in zip(axes, curves.items(), strict=True):
        members = curve["members"]
        low, mean, high = (100 * curve[name] for name in ("low", "mean", "high"))
        ax.fill_between(
            members, low, high, color=SERIES_COLORS[0], alpha=0.16, lw=0,
            label="lowest to highest subset",
        )  # fmt: skip
        ax.plot(members, mean, "o-", ms=5, color=SERIES_COLORS[0], label="mean over subsets")
        if curve["best_first"].notna().any():
            ax.plot(
                members, 100 * curve["best_first"], "D--", ms=5, lw=1.4, mfc="white",
                color=SERIES_COLORS[1], label="best on valid first",
            )  # fmt: skip
        ax.set(title=title, xlabel="members in the vote")
        ax.xaxis.get_major_locator().set_params(integer=True)
    axes[0].set_ylabel("accuracy (%)")
    shown = max((ax.get_legend_handles_labels() for ax in axes), key=lambda pair: len(pair[0]))
    figure.legend(*shown, loc="outside upper right", ncols=3)
    return figure


def zoom_on_valid(figure: Figure, points: float = 3.0) -> Figure:
    """Add to a figure of `learning_curves` a panel below: accuracy on valid alone, close up.

    points: how far below the lowest of the best epochs the panel begins, percentage points.
    """
    above = figure.axes
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + 2.5)
    grid = figure.add_gridspec(2, len(above), height_ratios=(3, 2.2))
    for column, ax in enumerate(above):
        ax.set_subplotspec(grid[0, column])
    zoom, best = figure.add_subplot(grid[1, :]), []
    for line in above[0].lines:
        if line.get_linestyle() == "--":  # train
            continue
        (drawn,) = zoom.plot(*line.get_data())
        drawn.update_from(line)
        drawn.set_transform(zoom.transData)
        drawn.set_clip_path(zoom.patch)
        best += [line.get_ydata()[0]] if line.get_marker() == "o" else []
    top = max(np.max(line.get_ydata()) for line in zoom.lines)
    zoom.set_ylim(min(best) - points, top + 0.15 * (points + top - min(best)))
    zoom.set(title="Accuracy on valid, close up", xlabel="epoch", ylabel="images (%)")
    return figure


def pair_matrix(
    matrix: np.ndarray,
    names: Sequence[str],
    title: str = "",
    label: str = "images (%)",
    *,
    row_label: str = "",
    column_label: str = "",
) -> Figure:
    """Draw a number in percent for every two members: disagreement, or overlap of errors.

    matrix: (M, M) fractions of one; the diagonal, which compares a member with itself, is gray,
    and so is NaN.  label: what the color says.  The scale spans the numbers that are shown.
    Raises DataError where matrix and names do not fit.
    """
    size = len(names)
    if np.shape(matrix) != (size, size) or size < 2:
        raise DataError(
            f"pair_matrix: a matrix of shape {np.shape(matrix)} for {size} names: give "
            "one number for every two members, of at least two"
        )
    percent = np.where(np.eye(size, dtype=bool), np.nan, 100 * np.asarray(matrix, np.float64))
    shown = np.isfinite(percent)
    low, high = (percent[shown].min(), percent[shown].max()) if shown.any() else (0, 100)
    wider = max(0, _SPAN - (high - low)) / 2
    low, high = max(low - wider, 0), high + wider
    longest = max(map(len, names))
    beside = 0.075 * longest + 1.6  # inches for names and color bar
    side = min(max(2.6, 0.52 * size), 11.0 - beside)
    figure = new_figure(side + beside, side + 0.05 * longest + 0.9)
    ax = figure.subplots()
    cells = draw_cells(ax, percent, low, high, square=True)
    for row, column in np.argwhere(shown):
        value = percent[row, column]
        ax.text(
            column, row, f"{value:.0f}" if size > 6 else f"{value:.1f}", ha="center",
            va="center", fontsize=9 if size <= 20 else 7.5,
            color="white" if value > (low + 1.3 * high) / 2.3 else INK,
        )  # fmt: skip
    ax.set_facecolor("#EFEFEF")
    ax.set_xticks(np.arange(size), names, rotation=40, ha="right", rotation_mode="anchor")
    ax.set_yticks(np.arange(size), names)
    ax.tick_params(labelsize=9)
    ax.set(title=title, xlabel=column_label, ylabel=row_label)
    bar = figure.colorbar(cells, ax=ax, shrink=0.8, aspect=24, pad=0.02)
    bar.set_label(label, fontsize=9)
    bar.outline.set_visible(False)
    return figure


def agreement_curve(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw accuracy against the agreement of the annotators, above the number of images.

    tables: model's name -> columns group, images, accuracy, ci_low, ci_high, and label_is_top,
    which is drawn as a dashed line where it is there.  All have the same groups and images, in
    the same order; a group without images has only its place.  Raises DataError without tables.
    """
    if not tables:
        raise DataError("agreement_curve needs at least one table")
    first = next(iter(tables.values()))
    x = np.arange(len(first))
    figure = new_figure(7.6, 5.4)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    step = min(0.12, 0.5 / len(tables))
    for number, (name, table) in enumerate(tables.items()):
        columns = ["accuracy", "ci_low", "ci_high"]
        accuracy, low, high = 100 * table[columns].to_numpy(np.float64).T
        color = SERIES_COLORS[number % len(SERIES_COLORS)]
        places = x + (number - (len(tables) - 1) / 2) * step
        top.vlines(places, low, high, color=color, lw=2.6, alpha=0.55)
        top.plot(places, accuracy, "o-", ms=6, lw=1.4, color=color, label=name)
    if "label_is_top" in first:
        top.plot(
            x, 100 * first["label_is_top"], "--", color=MUTED, lw=1.4, zorder=1,
            label="label is the annotators' top class",
        )  # fmt: skip
    top.set_ylabel("accuracy (%), 95 % interval")
    bars = bottom.bar(x, first["images"], width=0.7, color=_BARS)
    bottom.bar_label(bars, [f"{n:,}" for n in first["images"]], padding=2, fontsize=8.5)
    bottom.set_ylim(0, 1.25 * max(first["images"].max(), 1))
    bottom.set(xlabel="votes for the most voted class of FER+", ylabel="images")
    bottom.yaxis.set_major_formatter("{x:,.0f}")
    bottom.set_xticks(x, first["group"])
    for ax in (top, bottom):
        ax.grid(axis="x", visible=False)
        ax.tick_params(axis="x", length=0)
    figure.legend(loc="outside upper right", ncols=min(len(tables) + 1, 3))
    return figure


def wrong_members_histogram(counts: np.ndarray, expected: np.ndarray | None = None) -> Figure:
    """Draw how many images 0, 1, ..., M members get wrong, in percent of all images.

    counts: (M + 1,) images; expected: the same if the members erred independently of each
    other, drawn beside it.  Raises DataError without images.
    """
    counts = np.asarray(counts)
    if counts.sum() == 0:
        raise DataError("wrong_members_histogram needs at least one image")
    percent, x = 100 * counts / counts.sum(), np.arange(len(counts))
    figure = new_figure(7.6, 3.8)
    ax = figure.subplots()
    width, left = (0.7, 0) if expected is None else (0.4, -0.2)
    bars = ax.bar(x + left, percent, width, color=SERIES_COLORS[0], label="these members")
    ax.bar_label(bars, [f"{value:.1f}" for value in percent], padding=2, fontsize=8)
    if expected is not None:
        independent = 100 * np.asarray(expected) / np.sum(expected)
        ax.bar(
            x + 0.2, independent, width, color=SERIES_COLORS[1], alpha=0.55,
            label="if their errors were independent",
        )  # fmt: skip
        figure.legend(loc="outside upper right", ncols=2)
    ax.margins(y=0.1)
    names = [str(number) for number in x]
    names[0], names[-1] = "0\n(all right)", f"{x[-1]}\n(all wrong)"
    ax.set_xticks(x, names)
    ax.set(xlabel="members that are wrong", ylabel="images (%)")
    ax.grid(axis="x", visible=False)
    ax.tick_params(axis="x", length=0)
    return figure


def reliability_pair(
    y_true: np.ndarray, y_probs: Mapping[str, np.ndarray], bins: int = 15
) -> Figure:
    """Draw reliability diagrams side by side, such as before and after temperature scaling.

    y_true: (N,) int; y_probs: title -> (N, C) of the same images.  See
    `fer_utils.figures.predictions.reliability_diagram`.  Raises DataError without predictions.
    """
    if not y_probs:
        raise DataError("reliability_pair needs at least one set of predictions")
    figure = new_figure(4.75 * len(y_probs), 5.2)
    axes = figure.subplots(
        2, len(y_probs), sharex=True, sharey="row", squeeze=False, height_ratios=(3.2, 1)
    )
    for (top, bottom), (title, y_prob) in zip(axes.T, y_probs.items(), strict=True):
        draw_reliability(top, bottom, y_true, y_prob, bins, title)
    highest = max(patch.get_height() for bottom in axes[1] for patch in bottom.patches)
    axes[1, 0].set_ylim(0, 1.7 * highest)  # shared: room for the legends above all bars
    for ax in axes[:, 1:].flat:
        ax.set_ylabel("")
    return figure
