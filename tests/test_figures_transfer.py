"""Figures of transfer learning draw what they are given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from fer_utils.errors import DataError
from fer_utils.figures.style import RIGHT, WRONG
from fer_utils.figures.transfer import neighbor_gallery, parameter_bars

FACES = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 8), dtype=np.uint8)


def test_neighbors_of_another_class_are_red():
    names = [["sad", "happy", "sad"], ["fear", "fear", "fear"]]
    figure = neighbor_gallery(FACES[:, 0], FACES, ["sad", "fear"], names)
    (ax,) = figure.axes
    assert len(ax.images) == 2 * 4
    colors = [to_hex(text.get_color()) for text in ax.texts]
    right, wrong = RIGHT.lower(), WRONG.lower()
    assert colors[1:4] == [right, wrong, right]
    assert colors[5:] == [right] * 3


def test_bars_say_how_much_is_trained():
    table = pd.DataFrame(
        [("a", 14_000_000, 1_000_000), ("b", 0, 1_000_000), ("c", 2_998_200, 1_800)],
        columns=["net", "frozen", "trained"],
    )
    (ax,) = parameter_bars(table).axes
    texts = [text.get_text().strip() for text in ax.texts]
    assert texts == ["1.00 of 15.00 M", "1.00 of 1.00 M", "0.002 of 3.00 M"]
    assert [patch.get_width() for patch in ax.patches] == pytest.approx(
        [14, 0, 2.9982, 1, 1, 0.0018]
    )


def test_nothing_to_draw_is_an_error():
    with pytest.raises(DataError, match="at least one row"):
        parameter_bars(pd.DataFrame(columns=["net", "frozen", "trained"]))
    with pytest.raises(DataError, match="neighbors of"):
        neighbor_gallery(FACES[:0, 0], FACES[:0], [], [])
