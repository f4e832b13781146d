"""The figures of interpretation show the numbers and pictures that they are given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from fer_utils.errors import DataError
from fer_utils.figures import interpretation as figures
from fer_utils.figures.picture_grid import enlarge, heat_bar, heat_over, picture_grid
from fer_utils.figures.style import class_color


def draw(figure: Figure) -> None:
    """Render `figure`: layout and fonts fail here, not when it is built."""
    figure.set_dpi(30)
    figure.canvas.draw()


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


FACE = np.linspace(0, 1, 48 * 48).reshape(48, 48)


def test_heat_is_red_above_and_blue_below_zero():
    heat = np.zeros((48, 48))
    heat[:20], heat[28:] = 1, -1
    picture = heat_over(np.full((48, 48), 0.5), heat, 1.0)
    assert picture.shape == (192, 192, 3)
    red, gray, blue = picture[40, 96], picture[96, 96], picture[150, 96]
    assert red[0] > red[2] + 0.2
    assert blue[2] > blue[0] + 0.2
    assert np.ptp(gray) < 0.05, "no heat: the face"


def test_unsigned_heat_ignores_what_is_below_zero():
    below = heat_over(FACE, np.full((6, 6), -1.0), 1.0, signed=False)
    np.testing.assert_allclose(below, heat_over(FACE, np.zeros((6, 6)), 1.0, signed=False))
    assert heat_over(FACE, np.ones((6, 6)), 1.0, signed=False).mean() > below.mean()


def test_a_map_without_heat_can_be_drawn():
    assert np.isfinite(heat_over(FACE, np.zeros((6, 6)))).all()


def test_enlarged_pictures_stay_in_range():
    edges = np.kron([[0, 1], [1, 0]], np.ones((8, 8)))
    assert enlarge(edges).shape == (64, 64)
    assert 0 <= enlarge(edges).min() <= enlarge(edges).max() <= 1


def test_picture_grid_places_pictures_texts_and_labels():
    rows = [[FACE, "empty"], [None, np.zeros((6, 6, 3))]]
    figure = picture_grid(rows, ["one", "two"], ["a", "b"], bar=heat_bar(3.0, "points"))
    draw(figure)
    ax = figure.axes[0]
    assert [tuple(np.round(image.get_extent())) for image in ax.images] == [
        (0, 1, 1, 0),
        (1, 2, 2, 1),
    ]
    assert sorted(texts(ax)) == ["a", "b", "empty", "one", "two"]
    assert figure.axes[1].get_ylim() == (-3, 3)


def test_a_grid_without_pictures_is_refused():
    with pytest.raises(DataError, match="at least one picture"):
        picture_grid([[None, "nothing"]])


def test_most_active_maps_come_first():
    maps = np.zeros((3, 4, 4))
    maps[2], maps[0, 0, 0] = 0.5, 1
    figure = figures.activation_maps(FACE, {"conv 1": maps}, shown=2)
    draw(figure)
    _, first, second = (image.get_array() for image in figure.axes[0].images)
    assert np.ptp(first[..., 0]) < 1e-6, "the map that is active everywhere"
    assert np.ptp(second[..., 0]) > 0.5
    assert "conv 1\n3 maps\n4 x 4" in texts(figure.axes[0])


def test_filters_are_scaled_around_gray():
    filters = np.stack([np.full((3, 3), -2.0), np.zeros((3, 3)), np.ones((3, 3))])
    (row,) = figures.filter_rows(filters)
    assert [float(picture.mean()) for picture in row] == [0, 0.5, 1]
    draw(figures.filter_pair(filters, filters, columns=2))


def watched() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "epoch": [0, 0, 1, 1],
            "layer": ["conv 1", "dense 1"] * 2,
            "zeros": [0.5, 0.4, 0.6, 0.7],
            "area": [0.3, np.nan, 0.2, np.nan],
        }
    )


def test_sparsity_curves_are_in_percent():
    figure = figures.sparsity_curves(watched())
    draw(figure)
    zeros, area = figure.axes
    assert [list(line.get_ydata()) for line in zeros.lines] == [[50, 60], [40, 70]]
    assert [list(line.get_ydata()) for line in area.lines] == [[30, 20]]


def fall_table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "class": ["happy", "happy", "sad", "sad"],
            "region": ["eyes", "mouth"] * 2,
            "fall": [-0.0001, 0.5, np.nan, np.nan],
            "ci_low": [-0.01, 0.4, np.nan, np.nan],
            "ci_high": [0.01, 0.6, np.nan, np.nan],
        }
    )


def test_region_falls_in_points_with_published_marks():
    boxes = {"eyes": (15, 8, 21, 40), "mouth": (34, 12, 42, 36)}
    figure = figures.region_falls(fall_table(), FACE, boxes, {"happy": ("mouth",)})
    draw(figure)
    left, right = figure.axes
    assert texts(left) == ["eyes", "mouth"]
    assert texts(right)[:4] == ["0.0", "[-1.0, 1.0]", "50.0", "[40.0, 60.0]"]
    assert texts(right)[4::2] == ["-", "-"]
    marks = [line for line in right.lines if len(line.get_xdata())]
    assert [(round(m.get_xdata()[0]), m.get_ydata()[0]) for m in marks] == [(1, 0)]


def test_sanity_curves_name_what_was_randomized():
    table = pd.DataFrame(
        {
            "method": ["a", "a", "b", "b"],
            "step": [0, 1, 0, 1],
            "layer": ["none", "output"] * 2,
            "correlation": [1, 0.2, 1, np.nan],
            "ci_low": [1, 0.1, 1, np.nan],
            "ci_high": [1, 0.3, 1, np.nan],
        }
    )
    figure = figures.sanity_curves(table)
    draw(figure)
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels == ["none", "+ output"]


def test_embedding_is_colored_by_class():
    points, labels = np.array([[0.0, 0], [1, 1], [2, 0]]), np.array([0, 1, 1])
    figure = figures.embedding_scatter(points, labels, ("happy", "sad"))
    draw(figure)
    (ax,) = figure.axes
    assert sorted(texts(ax)) == ["happy", "sad"]
    assert {text.get_color() for text in ax.texts} == {class_color("happy"), class_color("sad")}
    assert len(ax.collections[0].get_offsets()) == 3


def test_the_names_of_an_embedding_stand_where_their_class_is_densest_and_apart():
    generator = np.random.default_rng(0)
    heap = np.concatenate([generator.normal(0, 1, (300, 2)), generator.normal(30, 9, (100, 2))])
    points = np.concatenate([heap, heap[:200] + 0.1])
    labels = np.repeat([0, 1], [400, 200])
    figure = figures.embedding_scatter(points, labels, ("happy", "sad"))
    draw(figure)
    places = {text.get_text(): text.get_window_extent() for text in figure.axes[0].texts}
    happy = (
        figure.axes[0]
        .transData.inverted()
        .transform([places["happy"].x0 / 2 + places["happy"].x1 / 2, places["happy"].y0])
    )
    assert np.abs(happy).max() < 4
    assert not places["happy"].overlaps(places["sad"])


def test_figures_without_rows_are_refused():
    empty = watched().iloc[:0]
    for call in (
        lambda: figures.sparsity_curves(empty),
        lambda: figures.sanity_curves(empty),
        lambda: figures.region_falls(empty, FACE, {}, {}),
        lambda: figures.embedding_scatter(np.zeros((0, 2)), np.zeros(0, int), ("happy",)),
    ):
        with pytest.raises(DataError, match="at least one"):
            call()
