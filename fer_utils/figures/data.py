"""Figures of data sets: faces, class counts, mean faces, copies, brightness, augmentation."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from fer_utils.datasets.base import FaceDataset
from fer_utils.errors import DataError
from fer_utils.figures.mosaic import Cells, draw_mosaic, in_rows
from fer_utils.figures.style import (
    DIVERGING,
    FAINT,
    INK,
    MUTED,
    SERIES_COLORS,
    SPLIT_COLORS,
    WIDTH,
    WRONG,
    class_color,
    new_figure,
)
from fer_utils.labels import SPLITS


def face_grid(
    images: np.ndarray,
    titles: Sequence[str] | None = None,
    columns: int = 10,
    scale: float = 1.0,
    title: str | None = None,
) -> Figure:
    """Draw gray faces in rows of `columns`, each below its title.

    images: (N, H, W) uint8, or float in [0, 1]; titles: N short texts (lines parted by a line
    feed); scale: 1 makes a full row as wide as a page.  Raises DataError without images.
    """
    if len(images) == 0:
        raise DataError("a figure of faces needs at least one image")
    used = min(columns, len(images))
    height, width = images.shape[1:]
    inch = (width + 4) / (WIDTH * scale / columns)  # image pixels per inch
    lines = max((text.count("\n") + 1 for text in titles), default=1) if titles else 0
    gap = round(4 + inch * (0.13 * lines + (0.05 if lines else 0)))
    rows = in_rows(images, columns)
    figure = new_figure(
        (width + 4) * used / inch,
        (len(rows) * (height + gap) + 4) / inch + (0.35 if title else 0.05),
        title,
    )
    ax = figure.subplots()
    lefts, tops = draw_mosaic(ax, rows, (4, gap))
    for number, text in enumerate(titles or ()):
        x, y = lefts[number % columns] + width / 2, tops[number // columns] - 0.06 * inch
        ax.text(x, y, text, ha="center", va="baseline", fontsize=8, linespacing=1.1)
    return figure


def faces_per_class(dataset: FaceDataset, per_class: int = 8, seed: int = 0) -> Figure:
    """Draw `per_class` randomly drawn faces of each class, one class a row, its name at the left.

    A class with fewer images shows them all.  Raises DataError for an empty data set.
    """
    generator = np.random.default_rng(seed)
    rows: Cells = []
    for label in range(dataset.num_classes):
        positions = generator.permutation(np.flatnonzero(dataset.labels == label))[:per_class]
        row = list(dataset.images[np.sort(positions)])
        rows.append(row + [None] * (per_class - len(row)))
    cell = min(0.85, (WIDTH - 1) / per_class)
    figure = new_figure(1.0 + cell * per_class, cell * dataset.num_classes + 0.1)
    ax = figure.subplots()
    _, tops = draw_mosaic(ax, rows, (3, 3))
    side = dataset.images.shape[1]
    for top, name in zip(tops, dataset.class_names, strict=True):
        ax.text(-8, top + side / 2, name, ha="right", va="center", fontsize=11, color=INK)
        ax.plot([-4, -4], [top, top + side], color=class_color(name), lw=4, solid_capstyle="butt")
    ax.set_xlim(left=-5)
    return figure


def class_counts(counts: pd.DataFrame, same_scale: bool = False) -> Figure:
    """Draw the number of images per class as bars, with count and share, one panel per split.

    counts: columns class, split, images, one row per class and split; both are drawn in the
    order in which they occur.  `split` may be any grouping ("before", "after").  Each panel has
    its own scale, so that shares can be compared, unless `same_scale`.
    """
    splits, classes = counts["split"].unique(), counts["class"].unique()
    figure = new_figure(height=0.9 + 0.36 * len(classes))
    axes = figure.subplots(1, len(splits), sharey=True, sharex=same_scale, squeeze=False)[0]
    for number, (ax, split) in enumerate(zip(axes, splits, strict=True)):
        part = counts[counts["split"] == split].set_index("class")["images"]
        images = part.reindex(classes).fillna(0).to_numpy()
        color = SPLIT_COLORS.get(split, SERIES_COLORS[number % len(SERIES_COLORS)])
        bars = ax.barh(classes, images, color=color, height=0.72)
        shares = 100 * images / max(images.sum(), 1)
        texts = [f"{n:,.0f}  ({s:.1f} %)" for n, s in zip(images, shares, strict=True)]
        ax.bar_label(bars, texts, padding=4, fontsize=8.5, color=INK)
        highest = counts["images"].max() if same_scale else images.max()
        ax.set_xlim(0, max(highest, 1) * 1.62)  # room for the text beside the longest bar
        ax.set_title(f"{split}: {images.sum():,.0f} images", fontsize=10.5)
        ax.grid(False)
        ax.set_xticks([])
        ax.spines["bottom"].set_visible(False)
        ax.tick_params(axis="y", length=0, labelsize=10)
    axes[0].invert_yaxis()
    return figure


def mean_faces(dataset: FaceDataset) -> Figure:
    """Draw the mean face of each class, and below it how it differs from the mean of all images.

    The differences share one scale, in gray levels (of 255): red is lighter than the mean of
    all, blue darker.  A class without images is left out.  Raises DataError without images.
    """
    present = np.flatnonzero(dataset.class_counts())
    if not len(present):
        raise DataError(f"{dataset.name}: no images, so there is no mean face")
    overall = dataset.images.mean(axis=0, dtype=np.float64)
    means = [dataset.images[dataset.labels == label].mean(axis=0) for label in present]
    limit = max(np.abs(mean - overall).max() for mean in means) or 1.0
    # All means share one scale, from their darkest to their lightest pixel: they are all grayish.
    low, high = np.min([overall, *means]), np.max([overall, *means])
    figure = new_figure(height=2.7)
    axes = figure.subplots(2, len(present) + 1)
    gray = {"cmap": "gray", "vmin": low, "vmax": high, "interpolation": "bilinear"}
    axes[0, 0].imshow(overall, **gray)
    axes[0, 0].set_title("all", loc="center", fontsize=10)
    for column, (label, mean) in enumerate(zip(present, means, strict=True), start=1):
        name = dataset.class_names[label]
        axes[0, column].imshow(mean, **gray)
        axes[0, column].set_title(name, loc="center", fontsize=10)
        shown = axes[1, column].imshow(
            mean - overall, cmap=DIVERGING, vmin=-limit, vmax=limit, interpolation="bilinear"
        )
    for ax in axes.flat:
        ax.set_axis_off()
    axes[1, 0].text(
        0.95, 0.5, "class mean\nminus mean\nof all", ha="right", va="center", fontsize=9,
        transform=axes[1, 0].transAxes,
    )  # fmt: skip
    bar = figure.colorbar(shown, ax=axes[1, :], fraction=0.02, pad=0.01, aspect=14)
    bar.set_label("gray levels", fontsize=9)
    bar.outline.set_visible(False)
    return figure


def image_pairs(
    left: np.ndarray,
    right: np.ndarray,
    captions: Sequence[tuple[str, str]],
    title: str | None = None,
    columns: int = 4,
    differ: Sequence[bool] | None = None,
) -> Figure:
    """Draw pairs of images (copies, near copies) side by side, `columns` pairs a row.

    left, right: (N, H, W) uint8 or float in [0, 1]; captions: N pairs of short texts, such as
    ("fear\\ntrain", "sad\\ntest"); differ: (N,) bool, the pairs to draw in red, such as those
    whose labels differ.  Raises DataError without images.
    """
    if len(left) == 0:
        raise DataError("a figure of image pairs needs at least one pair")
    flat = [image for pair in zip(left, right, strict=True) for image in pair]
    inch = (left.shape[2] + 8) * 2 * columns / WIDTH
    lines = max(text.count("\n") + 1 for pair in captions for text in pair)
    gap = round(6 + inch * (0.14 * lines + 0.05))
    side, width = left.shape[1:]
    rows = in_rows(flat, 2 * columns)
    pairs_in_row = min(columns, len(left))
    figure = new_figure(
        WIDTH * pairs_in_row / columns,
        len(rows) * (side + gap) / inch + (0.6 if title else 0.15),
        title,
    )
    ax = figure.subplots()
    lefts, tops = draw_mosaic(ax, rows, (8, gap))
    for number, pair in enumerate(captions):
        color = WRONG if differ is not None and differ[number] else INK
        row, first = number // columns, 2 * (number % columns)
        for side_number, text in enumerate(pair):
            ax.text(
                lefts[first + side_number] + width / 2, tops[row] - 0.06 * inch, text, ha="center",
                va="baseline", fontsize=8, color=color, linespacing=1.1,
            )  # fmt: skip
        # A bracket below says which two belong together.
        x0, x1, y = lefts[first] + 1, lefts[first + 1] + width - 1, tops[row] + side + 3
        ax.plot([x0, x1], [y, y], color=WRONG if color == WRONG else MUTED, lw=1.5)
    return figure


def pixel_statistics(dataset: FaceDataset) -> Figure:
    """Draw how brightness (mean) and contrast (standard deviation) are spread, per split.

    Both are of an image's pixels, in gray levels (0 to 255); each split's curve adds up to 100 %.
    """
    stats = pd.DataFrame(
        {
            "brightness": dataset.images.mean(axis=(1, 2)),
            "contrast": dataset.images.std(axis=(1, 2), dtype=np.float32),
            "split": np.array(SPLITS)[dataset.split],
        }
    )
    splits = [split for split in SPLITS if (stats["split"] == split).any()]
    figure = new_figure(height=3.2)
    axes = figure.subplots(1, 2)
    for ax, column, stop, what in (
        (axes[0], "brightness", 256, "mean of an image's pixels (gray levels)"),
        (axes[1], "contrast", 128, "standard deviation of its pixels (gray levels)"),
    ):
        sns.histplot(
            stats, x=column, hue="split", hue_order=splits, palette=SPLIT_COLORS, ax=ax,
            bins=np.linspace(0, stop, 33), stat="percent", common_norm=False,
            element="step", fill=False, legend=False, lw=1.8,
        )  # fmt: skip
        ax.set(title=column.capitalize(), xlabel=what, ylabel="images of the split (%)")
        ax.set_xlim(0, stop)
        ax.grid(axis="x", visible=False)
    for split in splits:
        n = int((stats["split"] == split).sum())
        axes[1].plot([], [], color=SPLIT_COLORS[split], label=f"{split} ({n:,} images)")
    axes[1].legend(loc="upper right")
    return figure


def augmentation_grid(
    originals: np.ndarray, views: Sequence[np.ndarray], view_names: Sequence[str]
) -> Figure:
    """Draw each original at the left and its changed views to the right, one original a row.

    originals: (N, H, W) uint8 or float in [0, 1]; views: V arrays like it; view_names: V texts.
    """
    columns = 1 + len(views)
    rows = [list(images) for images in zip(originals, *views, strict=True)]
    cell = min(1.15, WIDTH / columns)
    figure = new_figure(cell * columns, cell * len(rows) + 0.35)
    ax = figure.subplots()
    lefts, _ = draw_mosaic(ax, rows, (3, 3))
    width, bottom = originals.shape[2], len(rows) * (originals.shape[1] + 3) - 3
    for left, name in zip(lefts, ["original", *view_names], strict=True):
        style = {"fontweight": "bold"} if left == 0 else {}
        ax.text(left + width / 2, -3, name, ha="center", va="baseline", fontsize=9, **style)
    ax.plot([width + 1.5] * 2, [0, bottom], color=FAINT, lw=1.5, clip_on=False)
    return figure
