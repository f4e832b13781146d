"""Figures of data in which a few classes and a few people have nearly all images.

All fractions that come in are of one; the figures show percent.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter

from fer_utils.errors import DataError
from fer_utils.figures.mosaic import unit
from fer_utils.figures.style import (
    FAINT,
    INK,
    MUTED,
    SERIES_COLORS,
    SPLIT_COLORS,
    WIDTH,
    WRONG,
    new_figure,
)

_COUNTS = FuncFormatter(lambda value, _: f"{value:,.0f}")


def log_counts(counts: pd.DataFrame) -> Figure:
    """Draw the images of each class (rows) in each split (dots) on a logarithmic scale.

    counts: columns class, split, images, one row per class and split; classes are drawn from the
    top down in the order in which they occur.  A class without images in a split has no dot
    there: the text at the right, all counts in the order of the splits, says 0.  Raises
    DataError where there is no image at all.
    """
    if not len(counts) or not counts["images"].sum():
        raise DataError("log_counts needs at least one image")
    wide = counts.pivot(index="class", columns="split", values="images").fillna(0).astype(int)
    wide = wide.loc[counts["class"].unique(), counts["split"].unique()]
    rows = np.arange(len(wide))
    figure = new_figure(height=1.3 + 0.34 * len(wide))
    ax = figure.subplots()
    drawn = wide.where(wide > 0)
    for number, split in enumerate(wide):
        y = rows + 0.2 * (number - (wide.shape[1] - 1) / 2)  # equal counts stay apart
        ax.hlines(y, 0.7, drawn[split], color=SPLIT_COLORS[split], lw=1.5, alpha=0.35)
        ax.plot(drawn[split], y, "o", ms=6, color=SPLIT_COLORS[split], label=split)
    where = ax.get_yaxis_transform()  # x from 0 to 1 over the axes, y in rows
    for row, images in zip(rows, wide.to_numpy(), strict=True):
        share = 100 * images.sum() / wide.to_numpy().sum()
        text = (
            f"{'  /  '.join(f'{n:,}' for n in images)}   ({share:.{1 if share >= 0.1 else 2}f} %)"
        )
        ax.text(1.02, row, text, transform=where, va="center", fontsize=9, color=INK)
    ax.set_xscale("log")
    ax.set_xlim(left=0.7)
    ax.xaxis.set_major_formatter(_COUNTS)
    ax.set_yticks(rows, wide.index)
    ax.tick_params(axis="y", length=0, labelsize=10)
    ax.set_ylim(len(wide) - 0.5, -0.6)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("images (logarithmic scale)")
    figure.legend(loc="outside upper right", ncols=wide.shape[1])
    return figure


def people_sizes(sizes: np.ndarray) -> Figure:
    """Draw how many images each person has, and what share of all images the first people have.

    sizes: (P,) int, images of each person, in any order.  Both panels rank people from the one
    with the most images on, on a logarithmic scale.  Raises DataError without people.
    """
    if len(sizes) == 0:
        raise DataError("people_sizes needs at least one person")
    sizes = np.sort(np.asarray(sizes))[::-1]
    rank = np.arange(1, len(sizes) + 1)
    figure = new_figure(height=3.1)
    left, right = figure.subplots(1, 2)
    left.step(rank, sizes, where="mid", color=SERIES_COLORS[0])
    left.set(title="Images of each person", ylabel="images", yscale="log")
    left.yaxis.set_major_formatter(_COUNTS)
    left.set_ylim(bottom=0.8)
    share = 100 * np.cumsum(sizes) / sizes.sum()
    right.plot(rank, share, color=SERIES_COLORS[0])
    half = int(np.searchsorted(share, 50))  # the person with whom half of the images are reached
    right.plot(rank[half], share[half], "o", ms=7, color=SERIES_COLORS[1])
    text = f"{rank[half]:,} of {len(sizes):,} people\nhave half of the images"
    right.annotate(text, (rank[half], share[half]), (-10, 0), ha="right", va="bottom", fontsize=9,
                   textcoords="offset points")  # fmt: skip
    right.set(title="Images of the first people, together", ylabel="images (%)", ylim=(0, 103))
    for ax in (left, right):
        ax.set(xscale="log", xlabel="people, the one with the most images first")
        ax.xaxis.set_major_formatter(_COUNTS)
    return figure


def split_dots(table: pd.DataFrame, *, same_scale: bool = False) -> Figure:
    """Draw measures that were taken on several splits: one panel each, one dot per split.

    table: columns way (how the split was made, a row), measure (a panel), value in the unit to
    be shown; both are drawn in the order in which they occur.  The text is the mean.
    same_scale: one x axis for all panels.  Raises DataError without rows.
    """
    if not len(table):
        raise DataError("split_dots needs a table with at least one row")
    ways, measures = table["way"].unique(), table["measure"].unique()
    figure = new_figure(height=1.25 + 0.45 * len(ways))
    axes = figure.subplots(1, len(measures), sharex=same_scale, sharey=True, squeeze=False)[0]
    for ax, measure in zip(axes, measures, strict=True):
        for row, way in enumerate(ways):
            chosen = (table["measure"] == measure) & (table["way"] == way)
            values = table.loc[chosen, "value"].to_numpy(np.float64)
            color = SERIES_COLORS[row % len(SERIES_COLORS)]
            ax.plot(values, np.full(len(values), row), "o", ms=8, color=color, alpha=0.55, mew=0)
            if len(values):
                ax.annotate(f"{values.mean():.1f}", (values.mean(), row), (0, 9), ha="center",
                            textcoords="offset points", fontsize=9)  # fmt: skip
        ax.set_xlabel(measure)
        ax.margins(x=0.15)
        ax.tick_params(axis="y", length=0, labelsize=9.5)
        ax.spines["left"].set_visible(False)
    axes[0].set_yticks(np.arange(len(ways)), ways)
    axes[0].set_ylim(len(ways) - 0.5, -0.8)
    return figure


def interval_rows(table: pd.DataFrame) -> Figure:
    """Draw intervals of shares as lines with a dot, one row per label, one color per case.

    table: columns label, case, value, ci_low, ci_high, fractions of one; labels and cases are
    drawn in the order in which they occur.  Raises DataError without rows.
    """
    if not len(table):
        raise DataError("interval_rows needs a table with at least one row")
    labels, cases = table["label"].unique(), table["case"].unique()
    step = 0.5 / len(cases)
    figure = new_figure(height=1.2 + 0.4 * len(labels))
    ax = figure.subplots()
    for number, case in enumerate(cases):
        part = table[table["case"] == case].set_index("label").reindex(labels)
        value, low, high = 100 * part[["value", "ci_low", "ci_high"]].astype(float).to_numpy().T
        y = np.arange(len(labels)) + (number - (len(cases) - 1) / 2) * step
        color = SERIES_COLORS[number % len(SERIES_COLORS)]
        ax.hlines(y, low, high, color=color, lw=4, alpha=0.45)
        ax.plot(value, y, "o", ms=6.5, color=color, label=case)
    ax.set_yticks(np.arange(len(labels)), labels)
    ax.tick_params(axis="y", length=0, labelsize=9.5)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.set_xlim(-2, 102)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("recall (%), 95 % interval")
    figure.legend(loc="outside upper right", ncols=len(cases))
    return figure


def random_crops(
    image: np.ndarray, boxes: np.ndarray, views: np.ndarray, titles: Sequence[str]
) -> Figure:
    """Draw an image with the frames of crops in it, and beside it each crop in its color.

    image: (H, W) uint8 or float in [0, 1]; boxes: (N, 4) left, top, width, height in pixels;
    views: (N, h, w) like the image; titles: N short texts.  Raises DataError without crops.
    """
    if len(boxes) == 0:
        raise DataError("random_crops needs at least one crop")
    columns = len(boxes) + 1
    cell = WIDTH / columns
    figure = new_figure(WIDTH, cell + 0.35)
    axes = figure.subplots(1, columns)
    side = image.shape[1]
    for ax, picture in zip(axes, [image, *views], strict=True):
        ax.imshow(unit(picture), cmap="gray", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
    axes[0].set_title(f"{side} x {image.shape[0]} pixels", loc="center", fontsize=9.5)
    for number, (box, title) in enumerate(zip(boxes, titles, strict=True)):
        color = SERIES_COLORS[number % len(SERIES_COLORS)]
        axes[0].add_patch(
            Rectangle(box[:2] - 0.5, box[2], box[3], fill=False, ec=color, lw=1.6, clip_on=False)
        )
        axes[number + 1].set_title(title, loc="center", fontsize=9.5, color=color)
        for spine in axes[number + 1].spines.values():
            spine.set(visible=True, color=color, linewidth=2)
    return figure


def loss_curves(probability: np.ndarray, losses: Mapping[str, np.ndarray]) -> Figure:
    """Draw losses over the probability of the true class.

    probability: (N,) fractions of one; losses: name -> (N,); the first one is dashed, for it is
    what the others are compared with.  Raises DataError without losses.
    """
    if not losses:
        raise DataError("loss_curves needs at least one loss")
    figure = new_figure(6.4, 3.6)
    ax = figure.subplots()
    for number, (name, values) in enumerate(losses.items()):
        color = SERIES_COLORS[number - 1] if number else MUTED
        ax.plot(100 * probability, values, "-" if number else "--", color=color, label=name)
    ax.axvline(50, color=FAINT, lw=1.5, zorder=0)
    top = max(np.max(values) for values in list(losses.values())[1:] or losses.values())
    ax.set(xlim=(0, 100), ylim=(0, 1.15 * top))
    ax.set(xlabel="probability of the true class (%)", ylabel="loss")
    ax.legend(loc="upper right")
    return figure


def overfitting(histories: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw accuracy (left) and loss (right) of nets, one a row, and where the valid loss turns up.

    histories: title -> columns epoch, train_loss, train_accuracy, valid_loss, valid_accuracy.
    The dotted line is the epoch of the lowest valid loss; what lies between train and valid
    accuracy is shaded.  Raises DataError without histories.
    """
    if not histories:
        raise DataError("overfitting needs at least one history")
    figure = new_figure(height=0.3 + 2.9 * len(histories))
    axes = figure.subplots(len(histories), 2, squeeze=False)
    for (left, right), (title, history) in zip(axes, histories.items(), strict=True):
        epoch, turn = history["epoch"], int(history["valid_loss"].idxmin())
        train, valid = 100 * history["train_accuracy"], 100 * history["valid_accuracy"]
        left.fill_between(epoch, valid, train, color=WRONG, alpha=0.1, lw=0, label="gap")
        for ax, lines in ((left, (train, valid)), (right, (history["train_loss"],
                                                           history["valid_loss"]))):  # fmt: skip
            for values, style, part in zip(lines, ("--", "-"), ("train", "valid"), strict=True):
                ax.plot(epoch, values, style, color=SPLIT_COLORS[part], label=part)
            ax.axvline(epoch[turn], ls=":", lw=1.6, color=WRONG)
            ax.set_xlabel("epoch")
            ax.xaxis.get_major_locator().set_params(integer=True)
        left.set(title=title, ylabel="images right (%)", ylim=(0, 104))
        highest = history[["train_loss", "valid_loss"]].to_numpy().max()
        right.set(ylabel="mean cross-entropy", ylim=(0, 1.18 * highest))  # room for the text
        late = turn > len(history) / 2  # then there is no room to the right of the line
        right.text(
            epoch[turn], 0.96, f"  lowest valid loss: epoch {epoch[turn]}  ", color=WRONG,
            ha="right" if late else "left", va="top", fontsize=9,
            transform=right.get_xaxis_transform(),
            bbox={"fc": "white", "ec": "none", "alpha": 0.7, "pad": 0.5},
        )  # fmt: skip
        left.legend(loc="lower right", ncols=3)
    return figure
