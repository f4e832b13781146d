"""Figures of predictions: confusion matrices, calibration, faces with their probabilities."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fer_utils.errors import DataError
from fer_utils.evaluation import expected_calibration_error
from fer_utils.figures.cells import draw_cells
from fer_utils.figures.mosaic import unit
from fer_utils.figures.style import (
    INK,
    MUTED,
    RIGHT,
    SERIES_COLORS,
    WIDTH,
    WRONG,
    new_figure,
)


def confusion_matrix(confusion: np.ndarray, class_names: Sequence[str], title: str = "") -> Figure:
    """Draw one confusion matrix: see `confusion_matrices`."""
    return confusion_matrices({title: confusion}, class_names)


def confusion_matrices(confusions: Mapping[str, np.ndarray], class_names: Sequence[str]) -> Figure:
    """Draw confusion matrices side by side, at most three a row, in percent of the true class.

    confusions: title -> (C, C) counts, rows true and columns predicted classes.  A row's label
    holds its number of images; a class without images has no percentages.
    Raises DataError where a matrix and the class names do not fit.
    """
    if not confusions:
        raise DataError("confusion_matrices needs at least one matrix")
    size = len(class_names)
    for title, confusion in confusions.items():
        if np.shape(confusion) != (size, size):
            raise DataError(
                f"confusion matrix {title!r} has shape {np.shape(confusion)}, but there are "
                f"{size} classes: give ({size}, {size}) counts"
            )
    columns = 2 if len(confusions) == 4 else min(len(confusions), 3)
    rows = -(-len(confusions) // columns)
    width, height = {1: (6.4, 5.4), 2: (WIDTH, 4.5), 3: (11.0, 3.5)}[columns]
    figure = new_figure(width, height * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[len(confusions) :]:
        ax.set_axis_off()
    for ax, (title, confusion) in zip(axes, confusions.items(), strict=False):
        shown = _draw_confusion(ax, np.asarray(confusion), class_names, title, columns)
    bar = figure.colorbar(shown, ax=list(axes), shrink=0.6, aspect=28, pad=0.015)
    bar.set_label("share of the true class (%)", fontsize=9)
    bar.outline.set_visible(False)
    return figure


def _draw_confusion(
    ax: Axes, confusion: np.ndarray, class_names: Sequence[str], title: str, columns: int
):
    images = confusion.sum(axis=1)
    percent = 100 * confusion / np.maximum(images, 1)[:, None]
    shown = draw_cells(ax, percent, 0, 100, square=True)
    decimals, fontsize = {1: (1, 10), 2: (1, 8), 3: (0, 8)}[columns]
    for row, column in np.ndindex(percent.shape):
        text = f"{percent[row, column]:.{decimals}f}" if images[row] else "-"
        ax.text(
            column, row, text, ha="center", va="center", fontsize=fontsize,
            color="white" if percent[row, column] > 50 else INK,
            fontweight="bold" if row == column else "normal",
        )  # fmt: skip
    names = [f"{name} ({n:,})" for name, n in zip(class_names, images, strict=True)]
    ticks, fontsize = np.arange(len(names)), 9.5 if columns == 1 else 8.5
    ax.set_xticks(ticks, class_names, rotation=40, ha="right", rotation_mode="anchor")
    ax.set_yticks(ticks, names)
    ax.tick_params(labelsize=fontsize)
    ax.set(xlabel="predicted", ylabel="true (images)", title=title)
    return shown


def reliability_diagram(
    y_true: np.ndarray, y_prob: np.ndarray, bins: int = 15, title: str = ""
) -> Figure:
    """Draw accuracy against confidence in equal bins, and how many images each bin holds.

    y_true: (N,) int; y_prob: (N, C), rows sum to one.  The hatched part of a bin is the gap between
    its mean confidence and its accuracy; the expected calibration error in the title is their
    mean over the images (Guo et al. 2017).  Raises DataError without predictions.
    """
    figure = new_figure(5.6, 5.6)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3.2, 1))
    draw_reliability(top, bottom, y_true, y_prob, bins, title)
    return figure


def draw_reliability(
    top: Axes, bottom: Axes, y_true: np.ndarray, y_prob: np.ndarray, bins: int, title: str
) -> None:
    """Draw a reliability diagram into two axes: see `reliability_diagram`."""
    if len(y_true) == 0:
        raise DataError("a reliability diagram needs at least one prediction")
    confidence, hit = y_prob.max(axis=1), y_prob.argmax(axis=1) == y_true
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    images = np.bincount(which, minlength=bins)
    used = np.flatnonzero(images)
    accuracy = 100 * np.bincount(which, hit, minlength=bins)[used] / images[used]
    claimed = 100 * np.bincount(which, confidence, minlength=bins)[used] / images[used]
    width, centers = 100 / bins, 100 * (np.arange(bins) + 0.5) / bins
    top.plot([0, 100], [0, 100], "--", color=MUTED, lw=1.2, label="perfectly calibrated")
    top.bar(
        centers[used], accuracy, width * 0.92, color=SERIES_COLORS[0], alpha=0.85, label="accuracy"
    )
    top.bar(
        centers[used], claimed - accuracy, width * 0.92, bottom=accuracy, fc="none", ec=WRONG,
        label="gap to mean confidence", hatch="////", lw=1,
    )  # fmt: skip
    top.set(xlim=(0, 100), ylim=(0, 100), ylabel="accuracy (%)")
    top.legend(loc="upper left")
    error = 100 * expected_calibration_error(y_true, y_prob, bins)
    top.set_title(f"{title}{': ' if title else ''}ECE {error:.1f} %")
    share = 100 * images / len(y_true)
    bottom.bar(centers, share, width * 0.92, color="#9AA7B5")
    for ax, x, text in (
        (bottom, 100 * confidence.mean(), "mean confidence"),
        (bottom, 100 * hit.mean(), "accuracy"),
    ):
        color = WRONG if text != "accuracy" else SERIES_COLORS[0]
        ax.axvline(x, ymax=0.68, color=color, lw=1.6, label=f"{text} {x:.1f} %")
    bottom.set_ylim(0, 1.6 * share.max())  # room for the legend above the bars
    bottom.legend(loc="upper left", ncols=2, fontsize=8.5)
    bottom.set(xlabel="confidence: probability of the predicted class (%)", ylabel="images (%)")


def prediction_gallery(
    images: np.ndarray,
    y_true: np.ndarray,
    y_prob: np.ndarray,
    class_names: Sequence[str],
    columns: int = 6,
) -> Figure:
    """Draw each face above bars of its class probabilities.

    images: (N, H, W) uint8 or float in [0, 1]; y_true: (N,) int; y_prob: (N, C).  The bar of
    the predicted class and the face's frame are green where it is right, red where it is wrong;
    the true class's name is bold and marked by a triangle.  Raises DataError without images.
    """
    if len(images) == 0:
        raise DataError("a prediction gallery needs at least one image")
    used, rows = min(columns, len(images)), -(-len(images) // columns)
    cell = WIDTH / columns  # inches
    face, bars, title, foot = 0.76 * cell, 0.145 * len(class_names), 0.24, 0.16
    height = title + face + 0.08 + bars + foot
    # Placed by hand: the automatic layout takes seconds for this many axes.
    figure = Figure(figsize=(cell * used, height * rows))

    def place(x: float, y: float, w: float, h: float) -> Axes:
        return figure.add_axes((x / (cell * used), 1 - (y + h) / (height * rows),
                                w / (cell * used), h / (height * rows)))  # fmt: skip

    for number, (image, true, prob) in enumerate(zip(images, y_true, y_prob, strict=True)):
        x, y = number % columns * cell, number // columns * height
        predicted = int(np.argmax(prob))
        color = RIGHT if predicted == true else WRONG
        ax = place(x + 0.14 * cell, y + title, face, face)
        ax.imshow(unit(image), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        for spine in ax.spines.values():
            spine.set(visible=True, color=color, linewidth=2)
        mark = "✓" if predicted == true else "✗"
        ax.set_title(
            f"{class_names[predicted]} {mark}", loc="center", fontsize=9.5, color=color, pad=4
        )
        ax = place(x + 0.44 * cell, y + title + face + 0.08, 0.46 * cell, bars)
        colors = [color if label == predicted else "#B8BEC6" for label in range(len(class_names))]
        ax.barh(range(len(class_names)), prob, color=colors, height=0.72)
        ax.set(xlim=(0, 1), ylim=(len(class_names) - 0.4, -0.6), xticks=[])
        names = [f"▸ {n}" if label == true else n for label, n in enumerate(class_names)]
        ax.set_yticks(range(len(class_names)), names, fontsize=7.5)
        ax.get_yticklabels()[true].set_fontweight("bold")
        ax.tick_params(length=0, pad=2)
        ax.grid(False)
        ax.spines["bottom"].set_visible(False)
    return figure
