"""Figures of the way from a photo to an expression: boxes, trials of the pipeline, its times."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter

from fer_utils.errors import DataError
from fer_utils.faces.face import Face
from fer_utils.figures.style import FAINT, INK, MUTED, SERIES_COLORS, WIDTH, new_figure

_BOX, _DOT = "#00C46A", "#FFD600"


def detection_steps(
    square: np.ndarray, rows: np.ndarray, scores: np.ndarray, face: np.ndarray
) -> Figure:
    """Draw what a detector's net sees, all boxes that it is sure of, and the face made of them.

    square: (S, S, 3) uint8.  rows: (n, 4 or more) left, top, right, bottom, in parts of the
    square; scores: (n,).  face: (16,), the corners of its box and six landmarks, likewise.  The
    boxes are drawn on the part of the picture about the face.
    """
    side = square.shape[0]
    titles = ("what the net sees", f"{len(rows)} sure boxes", "one face, six landmarks")
    figure = new_figure(height=WIDTH / 3 + 0.35)
    axes = figure.subplots(1, 3)
    for ax, title in zip(axes, titles, strict=True):
        _show(ax, square, title)
    for (left, top, right, bottom), score in zip(rows[:, :4] * side, scores, strict=True):
        axes[1].add_patch(_rectangle(left, top, right - left, bottom - top, alpha=float(score)))
    left, top, right, bottom = face[:4] * side
    axes[2].add_patch(_rectangle(left, top, right - left, bottom - top, lw=2.5))
    axes[2].plot(*(face[4:].reshape(-1, 2) * side).T, "o", ms=9, color=_DOT, mec=INK, mew=0.8)
    half = max(right - left, bottom - top)
    for ax in axes[1:]:
        ax.set_xlim(*np.clip(((left + right) / 2 - half, (left + right) / 2 + half), 0, side))
        ax.set_ylim(*np.clip(((top + bottom) / 2 + half, (top + bottom) / 2 - half), 0, side))
    return figure


def photo_with_faces(photos: Mapping[str, tuple[np.ndarray, Sequence[Face]]]) -> Figure:
    """Draw photos side by side with boxes and landmarks.

    photos: title -> the photo (H, W, 3) uint8, and its faces.  Raises DataError without photos.
    """
    if not photos:
        raise DataError("photo_with_faces needs at least one photo")
    shapes = np.array([photo.shape[:2] for photo, _ in photos.values()], float)
    widths = shapes[:, 1] / shapes[:, 0]
    figure = new_figure(height=WIDTH / widths.sum() + 0.35)
    axes = figure.subplots(1, len(photos), squeeze=False, width_ratios=widths)[0]
    for ax, (title, (photo, faces)) in zip(axes, photos.items(), strict=True):
        _show(ax, photo, title)
        size = max(2.0, 7.0 / len(photos))
        for face in faces:
            ax.add_patch(_rectangle(face.x, face.y, face.width, face.height, lw=1.6))
            ax.plot(*face.landmarks.T, "o", ms=min(size, face.width / 12), color=_DOT, mec=INK,
                    mew=0.4)  # fmt: skip
    return figure


def collage_results(picture: np.ndarray, frames: np.ndarray, found: np.ndarray) -> Figure:
    """Draw a collage with a frame about each face: solid where it was found, dashed where not.

    frames: (n, 4) left, top, width, height; found: (n,) bool.
    """
    height, width = picture.shape[:2]
    figure = new_figure(height=WIDTH * height / width)
    ax = figure.subplots()
    _show(ax, picture)
    for frame, ok in zip(frames, found, strict=True):
        style = {"ec": _BOX} if ok else {"ec": "#E03A1E", "ls": "--"}
        ax.add_patch(_rectangle(*frame, **style))
    return figure


def trial_panels(
    table: pd.DataFrame,
    x_labels: Mapping[str, str],
    marks: Mapping[str, float] | None = None,
    *,
    from_zero: bool = True,
) -> Figure:
    """Draw shares against what is varied: one column per condition, one row per measure.

    table: columns condition, level (x), series, measure, value, ci_low, ci_high, shares of one;
    each is drawn in the order in which it occurs.  x_labels: condition -> axis label; marks:
    condition -> level with a dashed line; from_zero: whether y goes from 0 to 100.  Raises
    DataError without rows.
    """
    if not len(table):
        raise DataError("trial_panels needs a table with at least one row")
    conditions, measures = table["condition"].unique(), table["measure"].unique()
    series, labeled = list(table["series"].unique()), set()
    figure = new_figure(height=0.7 + 2.1 * len(measures))
    axes = figure.subplots(
        len(measures), len(conditions), sharex="col", sharey="row", squeeze=False
    )
    for row, measure in enumerate(measures):
        for column, condition in enumerate(conditions):
            ax = axes[row, column]
            for number, name in enumerate(series):
                chosen = (table["measure"] == measure) & (table["condition"] == condition)
                part = table[chosen & (table["series"] == name)].sort_values("level")
                if not len(part):
                    continue
                x = part["level"].to_numpy(float)
                value, low, high = 100 * part[["value", "ci_low", "ci_high"]].to_numpy(float).T
                color = SERIES_COLORS[number % len(SERIES_COLORS)]
                label = None if name in labeled else name
                labeled.add(name)
                ax.fill_between(x, low, high, color=color, alpha=0.13, lw=0)
                ax.plot(x, value, "o-", ms=4, color=color, label=label)
            if marks and condition in marks:
                ax.axvline(marks[condition], ls="--", lw=1.2, color=MUTED)
            if row == len(measures) - 1:
                ax.set_xlabel(x_labels[condition])
        axes[row, 0].set_ylabel(measure)
        if from_zero:
            axes[row, 0].set_ylim(0, 104)
    if len(series) > 1:
        figure.legend(loc="outside upper right", ncols=len(series))
    return figure


def stage_bars(table: pd.DataFrame) -> Figure:
    """Draw what each stage takes, from the top down, on a logarithmic scale.

    table: columns stage, milliseconds.  Raises DataError without rows.
    """
    if not len(table):
        raise DataError("stage_bars needs a table with at least one row")
    rows, took = np.arange(len(table)), table["milliseconds"].to_numpy(float)
    figure = new_figure(height=0.9 + 0.36 * len(table))
    ax = figure.subplots()
    ax.hlines(rows, took.min() / 2, took, color=FAINT, lw=1.5)
    ax.plot(took, rows, "o", ms=8, color=SERIES_COLORS[0])
    for row, value in zip(rows, took, strict=True):
        ax.annotate(f"{value:.3g} ms", (value, row), (9, 0), va="center", fontsize=9,
                    textcoords="offset points")  # fmt: skip
    ax.set_xscale("log")
    ax.set_xlim(took.min() / 2, took.max() * 4)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_yticks(rows, table["stage"])
    ax.tick_params(axis="y", length=0, labelsize=9.5)
    ax.set_ylim(len(rows) - 0.5, -0.6)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("milliseconds (logarithmic scale)")
    return figure


def _show(ax: Axes, picture: np.ndarray, title: str = "") -> None:
    ax.imshow(picture, interpolation="antialiased")
    ax.set_title(title, fontsize=10)
    ax.set_axis_off()


def _rectangle(x: float, y: float, width: float, height: float, **style: object) -> Rectangle:
    return Rectangle((x, y), width, height, **({"fill": False, "ec": _BOX, "lw": 1.6} | style))
