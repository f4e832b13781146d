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
    table = pd.DataFrame({"net": ["a", "b"], "frozen": [14_000_000, 0], "trained": [1_000_000] * 2})
    (ax,) = parameter_bars(table).axes
    assert [text.get_text().strip() for text in ax.texts] == ["1.00 of 15.00 M", "1.00 of 1.00 M"]
    assert [patch.get_width() for patch in ax.patches] == [14, 0, 1, 1]


def test_nothing_to_draw_is_an_error():
    with pytest.raises(DataError, match="at least one row"):
        parameter_bars(pd.DataFrame(columns=["net", "frozen", "trained"]))
    with pytest.raises(DataError, match="neighbors of"):
        neighbor_gallery(FACES[:0, 0], FACES[:0], [], [])
