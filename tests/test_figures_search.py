"""The figures of HOG and of the search show the numbers that they are given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from fer_utils.errors import DataError
from fer_utils.figures.search import (
    hog_pictures,
    importance_bars,
    search_history,
    search_scatter,
)

TRIALS = pd.DataFrame(
    {
        "trial": range(5),
        "state": ["complete", "complete", "pruned", "complete", "pruned"],
        "learning_rate": [0.001, 0.01, 0.3, 0.02, 0.2],
        "weight_decay": [1e-8, 1e-3, 1e-5, 1e-6, 1e-4],
        "hidden": [128, 512, 1024, 128, 128],
        "accuracy": [0.3, 0.5, 0.7, 0.4, np.nan],
    }
)


def draw(figure: Figure) -> None:
    """Render `figure`: layout and fonts fail here, not when it is built."""
    figure.set_dpi(30)
    figure.canvas.draw()


def points(ax, marker: str) -> list[tuple[float, float]]:
    lines = [line for line in ax.lines if line.get_marker() == marker and len(line.get_xdata())]
    return [tuple(map(float, point)) for line in lines for point in line.get_xydata()]


def test_scatter_rings_the_best_complete_trial_and_shows_theirs():
    figure = search_scatter(TRIALS, {"learning_rate": [0.01], "hidden": [256, 512]})
    draw(figure)
    rate, _, hidden = figure.axes
    rings = [line for line in rate.lines if line.get_markersize() == 13]
    assert [tuple(line.get_xydata()[0]) for line in rings] == [(0.01, 50.0)]
    assert (0.3, 70.0) in points(rate, "x")  # pruned: not the best, however high
    assert [label.get_text() for label in hidden.get_xticklabels()] == ["128", "256", "512", "1024"]
    lines = [line.get_xdata()[0] for line in hidden.lines if line.get_linestyle() == "--"]
    assert lines == [1, 2]


def test_trials_of_one_value_do_not_hide_each_other():
    *_, hidden = search_scatter(TRIALS).axes
    x = [place for place, _ in points(hidden, "o")]
    assert len(set(x)) > 2


def test_history_shows_the_best_so_far_of_complete_trials():
    figure = search_history(TRIALS)
    draw(figure)
    step = next(line for line in figure.axes[0].lines if line.get_label() == "best so far")
    drawn = np.asarray(step.get_ydata(), float)
    assert drawn.tolist() == [30, 50, 50, 50, 50]  # a pruned trial leaves no gap


def test_importance_is_in_percent_largest_on_top():
    figure = importance_bars({"hidden": 0.1, "learning_rate": 0.7, "weight_decay": 0.2})
    draw(figure)
    ax = figure.axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()][-1] == "learning rate"
    assert [text.get_text() for text in ax.texts] == ["10 %", "20 %", "70 %"]


def test_hog_pictures_draws_each_face_over_its_hog():
    faces = np.zeros((3, 8, 8), np.uint8)
    figure = hog_pictures(faces, np.zeros((3, 8, 8)), ["a", "b", "c"])
    draw(figure)
    shown = figure.axes[0].images[0].get_array()
    assert shown.shape == (8 + 3 + 8, 3 * 8 + 2 * 3)
    assert [text.get_text() for text in figure.axes[0].texts] == ["a", "b", "c"]


def test_nothing_to_draw_is_said():
    with pytest.raises(DataError, match="complete trial"):
        search_scatter(TRIALS[TRIALS["state"] == "pruned"])
    with pytest.raises(DataError, match="at least one trial"):
        search_history(TRIALS[:0])
    with pytest.raises(DataError, match="at least one parameter"):
        importance_bars({})
    with pytest.raises(DataError, match="at least one image"):
        hog_pictures(np.zeros((0, 8, 8), np.uint8), np.zeros((0, 8, 8)))
