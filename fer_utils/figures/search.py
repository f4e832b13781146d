"""Figures of HOG features and of a hyperparameter search."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from fer_utils.errors import DataError
from fer_utils.figures.mosaic import draw_mosaic
from fer_utils.figures.style import INK, MUTED, SERIES_COLORS, WIDTH, WRONG, new_figure

#: Parameters of a search as they are written beside an axis; those on a log scale.
TITLES = {
    "learning_rate": "learning rate",
    "weight_decay": "weight decay",
    "hidden": "hidden neurons",
}
LOGARITHMIC = ("learning_rate", "weight_decay")


def hog_pictures(
    images: np.ndarray, pictures: np.ndarray, titles: Sequence[str] | None = None
) -> Figure:
    """Draw each face above its HOG, side by side.

    images: (N, H, W) uint8; pictures: (N, H, W) float in [0, 1]; titles: N short texts.
    Raises DataError without images.
    """
    figure = new_figure(WIDTH, 2.15 * WIDTH / max(len(images), 1) + (0.25 if titles else 0))
    ax = figure.subplots()
    # strokes are read more easily dark on white
    lefts, _ = draw_mosaic(ax, [list(images), list(1 - pictures)], (3, 3))
    for left, title in zip(lefts, titles or (), strict=False):
        ax.text(left + images.shape[2] / 2, -3, title, ha="center", va="baseline", fontsize=9)
    return figure


def search_scatter(
    trials: pd.DataFrame, theirs: Mapping[str, Sequence[float]] | None = None
) -> Figure:
    """Draw the accuracy of each trial against each searched parameter, one panel each.

    trials: columns state (complete or pruned), accuracy (fraction of one) and the parameters of
    `TITLES`.  A full dot is a complete trial, a cross a pruned one (its mean over the folds it
    had), the ring the best.  theirs: parameter -> values that others found, drawn as lines.
    Raises DataError without a complete trial.
    """
    complete = trials["state"] == "complete"
    if not complete.any():
        raise DataError("search_scatter needs at least one complete trial")
    best = trials.loc[trials.loc[complete, "accuracy"].idxmax()]
    figure = new_figure(height=3.9)
    axes = figure.subplots(1, len(TITLES), sharey=True)
    theirs = theirs or {}
    choices = np.union1d(trials["hidden"], np.asarray(theirs.get("hidden", ()), int))
    for ax, name in zip(axes, TITLES, strict=True):
        places = _places(ax, name, trials, choices)
        accuracy = 100 * trials["accuracy"]
        for value in theirs.get(name, ()):
            where = value if name in LOGARITHMIC else np.searchsorted(choices, value)
            ax.axvline(where, color=SERIES_COLORS[1], lw=1.4, ls="--", zorder=1)
        ax.plot(places[~complete], accuracy[~complete], "x", ms=6, color=MUTED, mew=1.4)
        ax.plot(places[complete], accuracy[complete], "o", ms=7, color=SERIES_COLORS[0], alpha=0.85)
        ax.plot(
            places[best.name], 100 * best["accuracy"], "o", ms=13, mfc="none", mec=WRONG, mew=1.8,
        )  # fmt: skip
        ax.set_xlabel(TITLES[name])
    axes[0].set_ylabel("held-out accuracy (%)")
    for style, label in (
        ({"marker": "o", "ms": 7, "color": SERIES_COLORS[0]}, "complete: mean over all folds"),
        ({"marker": "x", "ms": 6, "color": MUTED, "mew": 1.4}, "pruned: mean over the first folds"),
        ({"marker": "o", "ms": 11, "mfc": "none", "mec": WRONG, "mew": 1.8}, "best"),
        *([({"ls": "--", "color": SERIES_COLORS[1], "lw": 1.4}, "cs231n-hog")] if theirs else []),
    ):
        axes[0].plot([], [], label=label, **({"ls": ""} | style))
    figure.legend(loc="outside upper right", ncols=4, handletextpad=0.4, columnspacing=1.4)
    return figure


def search_history(trials: pd.DataFrame) -> Figure:
    """Draw each trial's accuracy in the order of the trials, and the best so far.

    trials: columns trial, state, accuracy.  Raises DataError without trials.
    """
    if not len(trials):
        raise DataError("search_history needs at least one trial")
    complete = trials["state"] == "complete"
    number, accuracy = trials["trial"] + 1, 100 * trials["accuracy"]
    figure = new_figure(height=3.4)
    ax = figure.subplots()
    best = accuracy.where(complete).cummax().ffill()  # pruned trials change nothing
    ax.step(number, best, where="post", color=SERIES_COLORS[1], label="best so far")
    ax.plot(number[complete], accuracy[complete], "o", ms=7, color=SERIES_COLORS[0],
            label="complete")  # fmt: skip
    ax.plot(number[~complete], accuracy[~complete], "x", ms=6, color=MUTED, mew=1.4, label="pruned")
    ax.set(xlabel="trial", ylabel="held-out accuracy (%)")
    ax.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(loc="outside upper right", ncols=3)
    return figure


def importance_bars(importance: Mapping[str, float]) -> Figure:
    """Draw the share of each parameter in the variance of the accuracy, the largest on top.

    importance: parameter -> fraction of one.  Raises DataError where there is none.
    """
    if not importance:
        raise DataError("importance_bars needs the importance of at least one parameter")
    names = sorted(importance, key=importance.__getitem__)
    shares = [100 * importance[name] for name in names]
    figure = new_figure(height=0.9 + 0.4 * len(names))
    ax = figure.subplots()
    bars = ax.barh([TITLES.get(name, name) for name in names], shares, height=0.6)
    ax.bar_label(bars, [f"{share:.0f} %" for share in shares], padding=4, color=INK)
    ax.set_xlim(0, 110)
    ax.tick_params(axis="y", length=0, labelsize=10)
    ax.set_xlabel("share in the variance of the accuracy (%)")
    ax.grid(axis="y", visible=False)
    return figure


def _places(ax: Axes, name: str, trials: pd.DataFrame, choices: np.ndarray) -> pd.Series:
    """Return where each trial lies along the axis of `name`, and set up that axis."""
    if name in LOGARITHMIC:
        ax.set_xscale("log")
        return trials[name]
    ax.set_xticks(range(len(choices)), [f"{value:g}" for value in choices])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlim(-0.6, len(choices) - 0.4)
    ax.grid(axis="x", visible=False)
    # trials of one value side by side, in their order
    order = trials.groupby(name).cumcount() - (trials.groupby(name)[name].transform("size") - 1) / 2
    step = min(0.12, 0.7 / max(trials[name].value_counts().max(), 1))
    return order * step + np.searchsorted(choices, trials[name])
