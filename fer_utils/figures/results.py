"""Figures of results: learning curves, and accuracies and recalls with their intervals.

All fractions that come in are of one; the figures show percent.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fer_utils.errors import DataError
from fer_utils.figures.predictions import (
    confusion_matrices,
    confusion_matrix,
    prediction_gallery,
    reliability_diagram,
)
from fer_utils.figures.style import INK, MUTED, RIGHT, SERIES_COLORS, WRONG, new_figure

__all__ = [
    "accuracy_bars",
    "confusion_matrices",
    "confusion_matrix",
    "gain_bars",
    "gain_panels",
    "learning_curves",
    "prediction_gallery",
    "recall_bars",
    "reliability_diagram",
]


def learning_curves(histories: Mapping[str, pd.DataFrame | Sequence[pd.DataFrame]]) -> Figure:
    """Draw accuracy and loss on train (dashed) and valid (solid) over the epochs.

    histories: title -> one history, or a list with one per random seed, drawn as the mean and
    the band from the lowest to the highest.  Columns used: epoch, train_loss, train_accuracy,
    valid_loss, valid_accuracy.  The dot is the (first) epoch of highest (mean) valid accuracy;
    epochs that not all seeds reached are left out.  Train is measured on augmented images with
    dropout, so it may lie below valid.  Raises DataError without histories.
    """
    if not histories:
        raise DataError("learning curves need at least one history")
    figure = new_figure(height=3.6 + 0.2 * len(histories))
    axes = figure.subplots(1, 2)
    handles = []
    for number, (title, given) in enumerate(histories.items()):
        color = SERIES_COLORS[number % len(SERIES_COLORS)]
        seeds = [given] if isinstance(given, pd.DataFrame) else list(given)
        stack = pd.concat(seeds)
        groups = stack.groupby("epoch")
        groups = stack[groups["epoch"].transform("size") == len(seeds)].groupby("epoch")
        mean, low, high = groups.mean(), groups.min(), groups.max()
        best = mean["valid_accuracy"].idxmax()
        for ax, measure, factor in ((axes[0], "accuracy", 100), (axes[1], "loss", 1)):
            for part, line in (("train", "--"), ("valid", "-")):
                column = f"{part}_{measure}"
                width = 1.3 if part == "train" else 1.9
                drawn = ax.plot(mean.index, factor * mean[column], line, color=color, lw=width)
                if len(seeds) > 1:
                    band = (factor * low[column], factor * high[column])
                    ax.fill_between(mean.index, *band, color=color, alpha=0.15, lw=0)
            value = factor * mean.loc[best, f"valid_{measure}"]
            ax.plot(
                [best], [value], "o", ms=8, color=color, mec="white", mew=1.5, zorder=5,
                gid=f"best {title}",
            )  # fmt: skip
        accuracy = 100 * mean.loc[best, "valid_accuracy"]
        what = f"mean of {len(seeds)} seeds, " if len(seeds) > 1 else ""
        drawn[0].set_label(f"{title}: {what}{accuracy:.1f} % at epoch {best}")
        handles.append(drawn[0])
    axes[0].set(title="Accuracy", ylabel="images (%)")
    axes[1].set(title="Loss", ylabel="mean cross-entropy")
    for ax in axes:
        ax.set_xlabel("epoch")
        ax.xaxis.get_major_locator().set_params(integer=True)
    styles = [
        *(axes[1].plot([], [], "--", color=MUTED, lw=1.3, label="train")),
        *(axes[1].plot([], [], "-", color=MUTED, label="valid")),
        *(axes[1].plot([], [], "o", color=MUTED, ms=7, label="best epoch on valid")),
    ]
    axes[1].legend(handles=styles, loc="best")
    figure.legend(handles=handles, loc="outside lower left", ncols=1 if len(handles) > 2 else 2)
    return figure


def accuracy_bars(table: pd.DataFrame) -> Figure:
    """Draw one accuracy per row as a dot with its interval, and the published one beside it.

    table: columns label, accuracy, ci_low, ci_high, published (a hollow diamond), fractions of
    one, drawn from the top down.  Where accuracy is missing (NaN), only the published number is
    drawn and the row says "pending"; where published or the interval is missing, it is left out.
    Raises DataError for a table without rows.
    """
    if not len(table):
        raise DataError("accuracy_bars needs a table with at least one row")
    columns = ["accuracy", "ci_low", "ci_high", "published"]
    ours, low, high, published = (100 * table[columns].astype(float)).to_numpy().T
    rows = np.arange(len(table))
    figure = new_figure(height=1.15 + 0.34 * len(table))
    ax = figure.subplots()
    ax.hlines(rows, low, high, color=SERIES_COLORS[0], lw=2.6, alpha=0.55)
    ax.plot(ours, rows, "o", ms=7, color=SERIES_COLORS[0], label="ours, 95 % interval")
    if np.isfinite(published).any():
        ax.plot(
            published, rows, "D", ms=7, mfc="none", mec=SERIES_COLORS[1], mew=1.6, zorder=4,
            label="published",
        )  # fmt: skip
    for row in rows:
        if not np.isfinite(ours[row]):
            text = "pending"
        elif np.isfinite([low[row], high[row]]).all():
            text = f"{ours[row]:.1f}  [{low[row]:.1f}, {high[row]:.1f}]"
        else:
            text = f"{ours[row]:.1f}"
        where = ax.get_yaxis_transform()  # x from 0 to 1 over the axes, y in rows
        color = INK if np.isfinite(ours[row]) else MUTED
        ax.text(1.02, row, text, transform=where, va="center", fontsize=9, color=color)
    _label_rows(ax, table["label"])
    ax.set_xlabel("accuracy (%)")
    figure.legend(loc="outside upper right", ncols=2)
    return figure


def gain_bars(table: pd.DataFrame) -> Figure:
    """Draw one difference in accuracy per row, in points, as a dot with its interval.

    table: columns change, gain, ci_low, ci_high, fractions of one, drawn from the top down.
    A dot is green or red where its interval leaves out zero.  Raises DataError without rows.
    """
    if not len(table):
        raise DataError("gain_bars needs a table with at least one row")
    gain, low, high = (100 * table[["gain", "ci_low", "ci_high"]].astype(float)).to_numpy().T
    rows = np.arange(len(table))
    colors = np.where(low > 0, RIGHT, np.where(high < 0, WRONG, SERIES_COLORS[0]))
    figure = new_figure(height=1.0 + 0.34 * len(table))
    ax = figure.subplots()
    ax.axvline(0, color=MUTED, lw=1.2)
    ax.hlines(rows, low, high, colors=colors, lw=2.6, alpha=0.55)
    ax.scatter(gain, rows, s=46, c=colors, zorder=3)
    where = ax.get_yaxis_transform()  # x from 0 to 1 over the axes, y in rows
    for row in rows:
        text = f"{gain[row]:+.1f}  [{low[row]:+.1f}, {high[row]:+.1f}]"
        ax.text(1.02, row, text, transform=where, va="center", fontsize=9)
    _label_rows(ax, table["change"])
    ax.set_xlabel("gain in accuracy (points), 95 % interval")
    return figure


def gain_panels(table: pd.DataFrame, limit: float = math.inf) -> Figure:
    """Draw differences in several metrics, one panel each, as dots with their intervals.

    table: columns change, metric, gain, ci_low, ci_high (fractions of one); changes are drawn
    from the top down and metrics from the left, in the order in which they occur.  A dot is
    green or red where its interval leaves out zero.  limit: points up to which gains are drawn to
    scale, so that one far out does not push the others together; an arrow there stands for it.
    Raises DataError without rows.
    """
    if not len(table):
        raise DataError("gain_panels needs a table with at least one row")
    metrics, changes = table["metric"].unique(), table["change"].unique()
    figure = new_figure(height=1.1 + 0.34 * len(changes))
    axes = figure.subplots(1, len(metrics), sharey=True, sharex=True, squeeze=False)[0]
    rows = np.arange(len(changes))
    for ax, metric in zip(axes, metrics, strict=True):
        part = table[table["metric"] == metric].set_index("change").reindex(changes)
        gain, low, high = 100 * part[["gain", "ci_low", "ci_high"]].to_numpy(np.float64).T
        colors = np.where(low > 0, RIGHT, np.where(high < 0, WRONG, SERIES_COLORS[0]))
        ax.axvline(0, color=MUTED, lw=1.2)
        at, start, end = (values.clip(-limit, limit) for values in (gain, low, high))
        ax.hlines(rows, start, end, colors=colors, lw=2.6, alpha=0.55)
        for marker, drawn in (("<", gain < -limit), (">", gain > limit), ("o", at == gain)):
            if drawn.any():
                ax.scatter(at[drawn], rows[drawn], s=40, c=colors[drawn], marker=marker, zorder=3)
        for row in rows[np.isfinite(gain)]:
            ax.text(
                at[row], row - 0.22, f"{gain[row]:+.1f}", ha="center", va="bottom", fontsize=8,
                bbox={"fc": "white", "ec": "none", "pad": 0.6},
            )  # fmt: skip
        ax.set_title(metric)
        ax.set_xlabel("gain (points), 95 % interval")
        ax.tick_params(axis="y", length=0, labelsize=9.5)
        ax.spines["left"].set_visible(False)
    axes[0].set_yticks(rows, changes)
    axes[0].set_ylim(len(changes) - 0.4, -0.75)
    return figure


def _label_rows(ax: Axes, labels: pd.Series) -> None:
    """Name the rows of a plot of dots, the first on top."""
    ax.set_yticks(np.arange(len(labels)), labels)
    ax.tick_params(axis="y", length=0, labelsize=9.5)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.margins(x=0.06)
    ax.spines["left"].set_visible(False)


def recall_bars(table: pd.DataFrame) -> Figure:
    """Draw the recall of each class as dots with intervals, one color per condition.

    table: columns class, condition, recall, ci_low, ci_high, fractions of one; classes and
    conditions are drawn in the order in which they occur.  Raises DataError for no rows.
    """
    if not len(table):
        raise DataError("recall_bars needs a table with at least one row")
    classes, conditions = table["class"].unique(), table["condition"].unique()
    figure = new_figure(height=4.0)
    ax = figure.subplots()
    step = min(0.22, 0.7 / len(conditions))
    for place in range(0, len(classes), 2):
        ax.axvspan(place - 0.5, place + 0.5, color="#F4F4F4", lw=0, zorder=0)
    for number, condition in enumerate(conditions):
        part = table[table["condition"] == condition].set_index("class").reindex(classes)
        recall, low, high = 100 * part[["recall", "ci_low", "ci_high"]].astype(float).to_numpy().T
        x = np.arange(len(classes)) + (number - (len(conditions) - 1) / 2) * step
        color = SERIES_COLORS[number % len(SERIES_COLORS)]
        ax.vlines(x, low, high, color=color, lw=2.6, alpha=0.55)
        ax.plot(x, recall, "o", ms=6.5, color=color, label=condition)
    ax.set_xticks(np.arange(len(classes)), classes, fontsize=10.5)
    ax.tick_params(axis="x", length=0)
    ax.set_xlim(-0.5, len(classes) - 0.5)
    ax.set_ylim(0, 100)
    ax.set_ylabel("recall (%), 95 % interval")
    ax.grid(axis="x", visible=False)
    figure.legend(loc="outside upper right", ncols=min(len(conditions), 4))
    return figure
