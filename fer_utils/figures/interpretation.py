"""Figures of what a net looks at: activations, filters, regions, sanity checks, embeddings."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from scipy.stats import gaussian_kde

from fer_utils.errors import DataError
from fer_utils.figures.cells import draw_cells
from fer_utils.figures.mosaic import in_rows
from fer_utils.figures.picture_grid import HOT, Picture, heat_over, picture_grid
from fer_utils.figures.style import (
    INK,
    MUTED,
    SERIES_COLORS,
    WIDTH,
    class_color,
    new_figure,
)

_BOX_COLORS = ("#E69F00", "#56B4E9", "#7BD389", "#F2728C")  # over a gray face


def activation_maps(
    face: np.ndarray, activations: Mapping[str, np.ndarray], shown: int = 8
) -> Figure:
    """Draw each layer's mean activation over the face, and its `shown` most active maps.

    face: (H, W) uint8 or float in [0, 1]; activations: layer -> (C, h, w), none below zero.
    Each map is scaled by the layer's highest value, the mean by its own.
    """
    rows, labels = [], []
    for name, maps in activations.items():
        highest, mean = maps.max() or 1.0, maps.mean(axis=0)
        order = np.argsort(-maps.mean(axis=(1, 2)), kind="stable")[:shown]
        colored = [mpl.colormaps[HOT](maps[channel] / highest)[..., :3] for channel in order]
        rows.append([heat_over(face, mean, mean.max() or 1.0, signed=False), *colored])
        labels.append(f"{name}\n{len(maps)} maps\n{maps.shape[1]} x {maps.shape[2]}")
    columns = ["mean of\nall maps", "most active\nmap", *([""] * (shown - 1))]
    return picture_grid(rows, labels, columns)


def filter_rows(filters: np.ndarray, columns: int = 15) -> list[list[Picture]]:
    """Return filters (F, k, k) as rows of pictures: mid-gray is zero.

    Each has its own scale, on which its largest weight is white or black.
    """
    limits = np.abs(filters).max(axis=(1, 2), keepdims=True)
    return in_rows(list(0.5 + 0.5 * filters / np.where(limits > 0, limits, 1)), columns)


def filter_pair(untrained: np.ndarray, trained: np.ndarray, columns: int = 15) -> Figure:
    """Draw filters, (F, k, k), untrained above trained, the same filter in the same place."""
    above, below = filter_rows(untrained, columns), filter_rows(trained, columns)
    labels = [*(["untrained"] + [""] * (len(above) - 1)), "trained", *[""] * (len(below) - 1)]
    return picture_grid([*above, *below], labels)


def sparsity_curves(table: pd.DataFrame) -> Figure:
    """Draw per layer and epoch how many activations are zero, and how wide maps spread.

    table: columns epoch, layer, zeros, area (NaN: not drawn), parts of one.  Raises DataError
    without rows.
    """
    if not len(table):
        raise DataError("sparsity_curves needs a table with at least one row")
    figure = new_figure(height=3.8)
    axes = figure.subplots(1, 2)
    for number, (layer, part) in enumerate(table.groupby("layer", sort=False)):
        color = SERIES_COLORS[number % len(SERIES_COLORS)]
        line = "--" if part["area"].isna().all() else "-"
        axes[0].plot(part["epoch"], 100 * part["zeros"], f"o{line}", ms=5, color=color, label=layer)
        if part["area"].notna().any():
            axes[1].plot(part["epoch"], 100 * part["area"], "o-", ms=5, color=color)
    axes[0].set(title="Sparse?", ylabel="activations that are zero (%)")
    axes[1].set(title="Local?", ylabel="effective area of a map (% of its places)")
    for ax in axes:
        ax.set_xlabel("epochs trained")
        ax.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(loc="outside upper right", ncols=6)
    return figure


def region_falls(
    table: pd.DataFrame,
    mean_face: np.ndarray,
    boxes: Mapping[str, tuple[int, int, int, int]],
    published: Mapping[str, Sequence[str]],
) -> Figure:
    """Draw the regions on the mean face, and how far each class's probability falls without one.

    table: columns class, region, fall, ci_low, ci_high, fractions of one (NaN: "-"); boxes:
    region -> top, left, bottom, right in pixels.  The color says how a region compares to the
    strongest of its class; a diamond marks what was published.
    """
    if not len(table):
        raise DataError("region_falls needs a table with at least one row")
    classes, regions = table["class"].unique(), list(boxes)
    figure = new_figure(height=0.9 + 0.46 * len(classes))
    left, ax = figure.subplots(1, 2, width_ratios=(1, 1.75))
    left.imshow(mean_face, cmap="gray", interpolation="bicubic")
    for color, (name, (top, x, bottom, right)) in zip(_BOX_COLORS, boxes.items(), strict=False):
        box = (x - 0.5, top - 0.5), right - x, bottom - top
        left.add_patch(Rectangle(*box, fill=False, ec=color, lw=2.2))
        label = left.text(x, top + 0.3, name, color=color, fontsize=9.5, va="top", weight="bold")
        label.set_path_effects([withStroke(linewidth=2.2, foreground=INK)])
    left.set_axis_off()
    left.set_title("The regions, all of one area", fontsize=10.5)
    values, low, high = (
        100 * table.pivot(index="class", columns="region", values=name).loc[classes, regions]
        for name in ("fall", "ci_low", "ci_high")
    )
    strongest = np.maximum(values.max(axis=1), 1e-9).to_numpy()[:, None]
    draw_cells(ax, (values / strongest).clip(0, 1).to_numpy(), 0, 1.15)
    for (row, column), value in np.ndenumerate(values.to_numpy()):
        name, region = classes[row], regions[column]
        text, small = "-", ""
        if np.isfinite(value):
            text = f"{round(value, 1) + 0.0:.1f}"  # no -0.0
            small = f"[{low.iloc[row, column]:.1f}, {high.iloc[row, column]:.1f}]"
        color = "white" if value / strongest[row, 0] > 0.6 else INK
        ax.text(column - 0.06, row, text, ha="right", va="center", fontsize=11, color=color)
        ax.text(column - 0.01, row, small, ha="left", va="center", fontsize=8, color=color)
        if region in published.get(name, ()):
            ax.plot(column - 0.4, row, "D", ms=7, mfc="#E69F00", mec="white", mew=1)
    ax.set_xticks(range(len(regions)), regions, fontsize=10.5)
    ax.set_yticks(range(len(classes)), classes, fontsize=10.5)
    ax.xaxis.tick_top()
    ax.plot([], [], "D", ms=7, mfc="#E69F00", mec="white", label="cs230-fer names it")
    ax.set_xlabel("fall of the class's probability without the region (points), 95 % interval")
    figure.legend(loc="outside lower right")
    return figure


def sanity_curves(table: pd.DataFrame) -> Figure:
    """Draw how like the trained net's maps are after more and more layers are randomized.

    table: columns method, step, layer, correlation, ci_low, ci_high (NaN: not drawn).
    """
    if not len(table):
        raise DataError("sanity_curves needs a table with at least one row")
    figure = new_figure(height=3.9)
    ax = figure.subplots()
    ax.axhline(0, color=MUTED, lw=1)
    for number, (method, part) in enumerate(table.groupby("method", sort=False)):
        color = SERIES_COLORS[number % len(SERIES_COLORS)]
        ax.fill_between(
            part["step"], part["ci_low"], part["ci_high"], color=color, alpha=0.15, lw=0
        )
        ax.plot(part["step"], part["correlation"], "o-", ms=6, color=color, label=method)
    steps = table.drop_duplicates("step").sort_values("step")
    names = ["none", *(f"+ {layer}" for layer in steps["layer"][1:])]
    ax.set_xticks(steps["step"], names)
    ax.set_ylim(-0.35, 1.05)
    ax.set(xlabel="layers that lost their weights, from the output on")
    ax.set_ylabel("rank correlation with\nthe trained net's map")
    figure.legend(loc="outside upper right", ncols=4)
    return figure


def embedding_scatter(points: np.ndarray, labels: np.ndarray, class_names: Sequence[str]) -> Figure:
    """Draw a map of faces, one dot each, colored by class; its name stands where it is densest.

    points: (N, 2); labels: (N,) int.  Raises DataError without points.
    """
    if not len(points):
        raise DataError("embedding_scatter needs at least one point")
    figure = new_figure(WIDTH * 0.82, 5.6)
    ax = figure.subplots()
    # In one call and in mixed order: the class that is drawn last would hide the others.
    order = np.random.default_rng(0).permutation(len(points))
    colors = np.array([class_color(class_names[label]) for label in labels])
    ax.scatter(*points[order].T, s=13, c=colors[order], alpha=0.75, lw=0)
    present = {class_names[label]: points[labels == label] for label in np.unique(labels)}
    unit = (np.ptp(points, axis=0) / (7.2, 5.2)).max()  # of the map, in an inch of the figure
    for name, (x, y) in _label_places(present, unit).items():
        text = ax.text(x, y, name, ha="center", va="center", fontsize=12.5, weight="bold",
                       color=class_color(name))  # fmt: skip
        text.set_path_effects([withStroke(linewidth=3.5, foreground="white")])
    ax.set_aspect("equal", adjustable="datalim")
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set(visible=True, color="#DDDDDD")
    return figure


def _label_places(groups: Mapping[str, np.ndarray], unit: float) -> dict[str, np.ndarray]:
    """Return where each name stands: at the densest of its points where no other name is.

    groups: name -> (n, 2); unit: length of an inch.  Names are placed from the largest group on.
    """
    places = {}
    for name in sorted(groups, key=lambda name: -len(groups[name])):
        own = groups[name]
        for place in own[np.argsort(-_density(own), kind="stable")]:
            gaps = [np.abs(place - other) / unit for other in places.values()]
            wide = [0.06 * (len(name) + len(other)) + 0.05 for other in places]  # inches
            free = [x > w or y > 0.24 for (x, y), w in zip(gaps, wide, strict=True)]
            if all(free):
                places[name] = place
                break
        else:
            places[name] = np.median(own, axis=0)
    return places


def _density(points: np.ndarray) -> np.ndarray:
    """Return how dense points, (N, 2), lie at each of them; of few, how near to the median."""
    try:
        return gaussian_kde(points.T, bw_method=0.3)(points.T)
    except (ValueError, np.linalg.LinAlgError):  # too few, or all on one line
        return -np.abs(points - np.median(points, axis=0)).sum(axis=1)
