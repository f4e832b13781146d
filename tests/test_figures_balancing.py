"""The figures of class balancing show the numbers and faces that they are given."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from fer_utils.balancing.resampling import resample
from fer_utils.errors import DataError
from fer_utils.figures.balancing import (
    MadeFaces,
    beside_real,
    made_beside_real,
    made_counts,
    recall_heatmap,
)
from fer_utils.figures.style import WRONG
from tests.helpers import toy_faces


def draw(figure: Figure) -> None:
    """Render `figure`: layout and fonts fail here, not when it is built."""
    figure.set_dpi(30)
    figure.canvas.draw()


def title(ax) -> str:
    return ax.get_title(loc="left") + ax.get_title()


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


@pytest.fixture(scope="module")
def resampled():
    part = toy_faces().part("train")
    few = part.take(np.flatnonzero((part.labels != 1) | (np.arange(len(part)) < 30)))
    return resample(few, "random_over", 0)


def test_counts_stack_made_on_real():
    real = np.array([10, 2])
    figure = made_counts(real, {"A": np.array([0, 8]), "B": np.array([1, 0])}, ["x", "y"])
    draw(figure)
    first, second = figure.axes
    assert [bar.get_width() for bar in first.patches] == [10, 2, 0, 8]
    assert [bar.get_x() for bar in first.patches[2:]] == [10, 2]
    assert texts(first) == ["10", "10"]
    assert texts(second) == ["11", "2"]
    assert first.get_xlim() == second.get_xlim()
    assert title(first) == "A\n8 made"


def test_made_faces_come_with_the_nearest_real_ones(resampled):
    faces = beside_real(resampled, label=1, count=4, near=3, seed=0)
    assert faces.nearest.shape == (4, 3, *resampled.images.shape[1:])
    np.testing.assert_array_equal(faces.nearest[:, 0], faces.made)  # copies: distance 0
    np.testing.assert_array_equal(faces.differ, faces.captions != "disgust")
    again = beside_real(resampled, label=1, count=4, near=3, seed=0)
    np.testing.assert_array_equal(again.made, faces.made)


def test_too_few_made_faces_are_counted(resampled):
    with pytest.raises(DataError, match="0 made faces of class 'angry', but 2"):
        beside_real(resampled, label=0, count=2)


def test_faces_of_another_class_are_red(resampled):
    faces = beside_real(resampled, label=1, count=2, near=2)
    faces = replace(faces, differ=np.array([[False, True], [False, False]]))
    figure = made_beside_real({"SMOTE": faces, "ADASYN": faces})
    draw(figure)
    (ax,) = figure.axes
    assert {"SMOTE", "ADASYN"} <= set(texts(ax))
    assert texts(ax).count("made") == 4
    red = [text for text in ax.texts if text.get_color() == WRONG]
    assert len(red) == 2
    (canvas,) = ax.images
    assert canvas.get_array().shape[1] == 7 * 16 + 6 * 4  # three faces, a gap, three faces


def test_recalls_are_colored_by_their_change():
    recalls = pd.DataFrame({"happy": [0.8, 0.7], "disgust": [0.2, 0.6]}, index=["plain", "new"])
    figure = recall_heatmap(recalls)
    draw(figure)
    ax = figure.axes[0]
    assert texts(ax) == ["80", "20", "70", "60"]
    np.testing.assert_allclose(ax.collections[0].get_array(), [[0, 0], [-10, 40]], atol=1e-9)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["plain", "new"]


def test_nothing_to_draw_is_an_error():
    faces = np.zeros((0, 4, 4), np.uint8)
    for call in (
        lambda: made_counts(np.zeros(2), {"A": np.zeros(2)}, ["x", "y"]),
        lambda: made_counts(np.ones(2), {}, ["x", "y"]),
        lambda: made_beside_real({}),
        lambda: made_beside_real({"A": MadeFaces(faces, faces[:, None], [], faces[:, 0])}),
        lambda: recall_heatmap(pd.DataFrame({"happy": [0.5]}, index=["plain"])),
    ):
        with pytest.raises(DataError, match="at least one"):
            call()
