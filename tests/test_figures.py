"""The figures show the numbers that they are given."""

import importlib

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from fer_utils.datasets.base import FaceDataset
from fer_utils.errors import ConfigError, DataError
from fer_utils.evaluation import expected_calibration_error
from fer_utils.figures import data, mosaic, results, style
from fer_utils.figures import predictions as predictions_module
from fer_utils.figures.cells import draw_cells
from fer_utils.figures.mosaic import draw_mosaic
from fer_utils.figures.style import (
    CLASS_COLORS,
    RIGHT,
    SERIES_COLORS,
    SPLIT_COLORS,
    WRONG,
    class_color,
    new_figure,
)
from fer_utils.labels import FER2013_CLASSES, FERPLUS_VOTES, SPLITS

NAMES = FER2013_CLASSES


@pytest.fixture(scope="module")
def faces() -> FaceDataset:
    """Return 42 noise images of 8 x 8 pixels: seven classes, three splits."""
    images = np.random.default_rng(0).integers(0, 256, (42, 8, 8), dtype=np.uint8)
    labels, split = np.arange(42) % 7, (np.arange(42) // 14).astype(np.uint8)
    return FaceDataset("tiny", "tiny", "0" * 64, "tiny", images, labels, split, NAMES)


def draw(figure: Figure) -> None:
    """Render `figure`: layout and fonts fail here, not when it is built."""
    figure.set_dpi(30)
    figure.canvas.draw()


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for ax in figure.axes for text in ax.texts]


def history(valid_accuracy: list[float]) -> pd.DataFrame:
    valid = np.array(valid_accuracy)
    return pd.DataFrame(
        {
            "epoch": np.arange(1, len(valid) + 1),
            "train_loss": 2 - valid,
            "train_accuracy": valid + 0.1,
            "valid_loss": 2.5 - valid,
            "valid_accuracy": valid,
        }
    )


def predictions(n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(1)
    return generator.integers(0, 7, n), generator.dirichlet(np.full(7, 0.4), n)


def test_importing_configures_nothing_and_use_style_does():
    with mpl.rc_context():
        mpl.rcdefaults()
        before = dict(mpl.rcParams)
        for module in (style, mosaic, data, predictions_module, results):
            importlib.reload(module)
        assert [name for name in before if mpl.rcParams[name] != before[name]] == []
        style.use_style()
        assert mpl.rcParams["figure.dpi"] == 110
        assert not mpl.rcParams["axes.spines.top"]


def test_every_class_and_split_has_its_color():
    assert {*NAMES, *FERPLUS_VOTES} <= set(CLASS_COLORS)
    assert set(SPLITS) == set(SPLIT_COLORS)
    assert len({class_color(name) for name in (*NAMES, "contempt")}) == 8
    assert class_color("happiness") == class_color("happy")
    with pytest.raises(ConfigError, match="unknown emotion 'bored'"):
        class_color("bored")


def test_figures_stay_out_of_pyplot(faces):
    import matplotlib.pyplot as plt

    data.face_grid(faces.images[:2])
    assert plt.get_fignums() == []  # else a notebook would show it twice


def test_mosaic_puts_each_image_in_its_place(faces):
    ax = new_figure().subplots()
    lefts, tops = draw_mosaic(ax, [[faces.images[0], faces.images[1]], [faces.images[2], None]],
                              (3, 5))  # fmt: skip
    canvas = ax.images[0].get_array()
    assert lefts.tolist() == [0, 11]
    assert tops.tolist() == [0, 13]
    np.testing.assert_allclose(canvas[:8, 11:], faces.images[1] / 255, rtol=1e-6)
    np.testing.assert_allclose(canvas[13:, :8], faces.images[2] / 255, rtol=1e-6)
    assert np.ma.getmaskarray(np.ma.masked_invalid(canvas))[13:, 11:].all()


def test_face_grid_shows_all_titles(faces):
    titles = [f"face {i}" for i in range(5)]
    figure = data.face_grid(faces.images[:5], titles, columns=3, title="Five")
    draw(figure)
    assert texts(figure) == titles
    with pytest.raises(DataError, match="at least one image"):
        data.face_grid(faces.images[:0])


def test_faces_per_class_draws_only_faces_of_the_row_s_class(faces):
    figure = data.faces_per_class(faces, per_class=8)  # 6 of each class: two places stay white
    draw(figure)
    assert texts(figure) == list(NAMES)
    canvas = np.asarray(figure.axes[0].images[0].get_array().filled(np.nan))
    for label in range(7):
        row = canvas[label * 11 : label * 11 + 8]
        shown = [row[:, column * 11 : column * 11 + 8] for column in range(8)]
        expected = faces.images[faces.labels == label] / np.float32(255)
        np.testing.assert_allclose(np.array(shown[:6]), expected, rtol=1e-6)
        assert np.isnan(shown[6]).all()


def test_class_counts_bars_are_the_counts_and_shares_add_up():
    counts = pd.DataFrame(
        [(c, s, 10 * (i + 1)) for s in ("train", "test") for i, c in enumerate(NAMES[:4])],
        columns=["class", "split", "images"],
    )
    figure = data.class_counts(counts)
    draw(figure)
    for ax, split in zip(figure.axes, ("train", "test"), strict=True):
        assert [bar.get_width() for bar in ax.patches] == [10, 20, 30, 40]
        labels = ["10  (10.0 %)", "20  (20.0 %)", "30  (30.0 %)", "40  (40.0 %)"]
        assert [text.get_text() for text in ax.texts] == labels
        assert ax.get_title(loc="left") + ax.get_title() == f"{split}: 100 images"
        assert ax.patches[0].get_facecolor()[:3] == to_rgb(SPLIT_COLORS[split])


def test_mean_faces_are_the_means_and_differences(faces):
    figure = data.mean_faces(faces)
    draw(figure)
    overall = faces.images.mean(axis=0)
    for label in range(7):
        mean = faces.images[faces.labels == label].mean(axis=0)
        np.testing.assert_allclose(figure.axes[label + 1].images[0].get_array(), mean)
        difference = figure.axes[8 + label + 1].images[0]
        np.testing.assert_allclose(difference.get_array(), mean - overall)
        assert difference.norm.vmin == -difference.norm.vmax


def test_image_pairs_marks_the_pairs_that_differ(faces):
    captions = [("fear\ntrain", "fear\ntest"), ("fear\ntrain", "sad\ntest")]
    left, right = faces.images[:2], faces.images[2:4]
    for differ, expected in ((None, [False] * 4), ([False, True], [False, False, True, True])):
        figure = data.image_pairs(left, right, captions, "Copies", columns=1, differ=differ)
        draw(figure)
        assert texts(figure) == [text for pair in captions for text in pair]
        assert [text.get_color() == WRONG for text in figure.axes[0].texts] == expected
    with pytest.raises(DataError, match="at least one pair"):
        data.image_pairs(left[:0], right[:0], [])


def test_pixel_statistics_add_up_to_a_hundred_percent(faces):
    figure = data.pixel_statistics(faces)
    draw(figure)
    for ax in figure.axes:
        curves = [line for line in ax.lines if len(line.get_xdata())]
        assert len(curves) == 3
        for line in curves:  # a step line closes with its last height once more
            assert 99 < np.sum(line.get_ydata()[:-1]) < 101


def test_augmentation_grid_has_originals_at_the_left(faces):
    originals = faces.images[:2]
    figure = data.augmentation_grid(originals, [originals[:, :, ::-1]], ["mirrored"])
    draw(figure)
    assert texts(figure) == ["original", "mirrored"]
    canvas = figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(canvas[11:19, :8], originals[1] / 255, rtol=1e-6)
    np.testing.assert_allclose(canvas[11:19, 11:19], originals[1][:, ::-1] / 255, rtol=1e-6)


def test_cells_lie_where_their_numbers_are_and_need_no_pixels():
    ax = new_figure().subplots()
    mesh = draw_cells(ax, np.array([[0.0, 1.0, np.nan], [2.0, 3.0, 4.0]]), 0, 4)
    left, top = mesh.get_coordinates()[0, 0]
    assert (left, top) == (-0.5, -0.5)
    assert ax.get_ylim() == (1.5, -0.5)  # the first row is at the top
    assert mesh.get_array().mask.tolist() == [[False, False, True], [False] * 3]
    assert not ax.images  # so that an SVG is kept


def test_confusion_matrix_shows_row_percentages_and_row_counts():
    confusion = np.array([[30, 10, 0], [0, 7, 1], [0, 0, 0]])
    figure = results.confusion_matrix(confusion, NAMES[:3], "Net")
    draw(figure)
    ax = figure.axes[0]
    shown = np.array([t.get_text() for t in ax.texts]).reshape(3, 3)
    assert shown.tolist() == [["75.0", "25.0", "0.0"], ["0.0", "87.5", "12.5"], ["-"] * 3]
    rows = [label.get_text() for label in ax.get_yticklabels()]
    assert rows == ["angry (40)", "disgust (8)", "fear (0)"]


def test_confusion_matrices_checks_shapes():
    for n in (2, 4, 5):
        draw(
            results.confusion_matrices({f"net {i}": np.eye(7, dtype=int) for i in range(n)}, NAMES)
        )
    with pytest.raises(DataError, match=r"'bad' has shape \(3, 3\)"):
        results.confusion_matrices({"bad": np.eye(3)}, NAMES)
    with pytest.raises(DataError, match="at least one"):
        results.confusion_matrices({}, NAMES)


def test_learning_curves_mark_the_best_epoch():
    figure = results.learning_curves({"net": history([0.3, 0.6, 0.5, 0.6])})
    draw(figure)
    accuracy, loss = (next(line for line in ax.lines if line.get_gid() == "best net")
                      for ax in figure.axes)  # fmt: skip
    assert (accuracy.get_xdata()[0], accuracy.get_ydata()[0]) == (2, 60)
    assert loss.get_xdata()[0] == 2
    assert loss.get_ydata()[0] == pytest.approx(1.9)
    (legend,) = figure.legends
    assert legend.get_texts()[0].get_text() == "net: 60.0 % at epoch 2"


def test_learning_curves_of_seeds_are_mean_and_band_over_common_epochs():
    seeds = [history([0.2, 0.4, 0.5]), history([0.4, 0.4, 0.3, 0.9])]
    figure = results.learning_curves({"net": seeds})
    draw(figure)
    valid = figure.axes[0].lines[1]
    np.testing.assert_allclose(valid.get_ydata(), [30, 40, 40])
    band = figure.axes[0].collections[1].get_paths()[0].vertices  # of valid; [0] is of train
    assert {20.0, 40.0} == {round(y, 6) for x, y in band if x == 1}
    assert "mean of 2 seeds, 40.0 % at epoch 2" in figure.legends[0].get_texts()[0].get_text()
    with pytest.raises(DataError, match="at least one history"):
        results.learning_curves({})


def test_accuracy_bars_show_ours_published_and_pending():
    nan = np.nan
    table = pd.DataFrame(
        [("a", 0.6, 0.5, 0.7, 0.65), ("b", nan, nan, nan, 0.7), ("c", 0.4, nan, nan, nan)],
        columns=["label", "accuracy", "ci_low", "ci_high", "published"],
    )
    figure = results.accuracy_bars(table)
    draw(figure)
    (ax,) = figure.axes
    assert texts(figure) == ["60.0  [50.0, 70.0]", "pending", "40.0"]
    ours, published = ax.lines
    np.testing.assert_allclose(ours.get_xdata(), [60, nan, 40])
    np.testing.assert_allclose(published.get_xdata(), [65, 70, nan])
    assert published.get_marker() == "D"
    assert published.get_markerfacecolor() == "none"
    np.testing.assert_allclose(ax.collections[0].get_segments()[0][:, 0], [50, 70])
    with pytest.raises(DataError, match="at least one row"):
        results.accuracy_bars(table[:0])


def test_recall_bars_draw_each_condition_in_its_color():
    table = pd.DataFrame(
        [(c, d, r, r - 0.1, r + 0.1) for d, r in (("plain", 0.4), ("weighted", 0.6))
         for c in NAMES],
        columns=["class", "condition", "recall", "ci_low", "ci_high"],
    )  # fmt: skip
    figure = results.recall_bars(table)
    draw(figure)
    plain, weighted = figure.axes[0].lines
    np.testing.assert_allclose(plain.get_ydata(), 40)
    np.testing.assert_allclose(weighted.get_ydata(), 60)
    assert (plain.get_color(), weighted.get_color()) == SERIES_COLORS[:2]
    assert (weighted.get_xdata() > plain.get_xdata()).all()
    with pytest.raises(DataError, match="at least one row"):
        results.recall_bars(table[:0])


@pytest.mark.parametrize("bins", [10, 15])
def test_reliability_diagram_states_the_calibration_error(bins):
    y_true, y_prob = predictions()
    figure = results.reliability_diagram(y_true, y_prob, bins, "Net")
    draw(figure)
    top, bottom = figure.axes
    error = 100 * expected_calibration_error(y_true, y_prob, bins)
    assert top.get_title(loc="left") + top.get_title() == f"Net: ECE {error:.1f} %"
    shares = np.array([bar.get_height() for bar in bottom.patches])
    assert len(shares) == bins
    assert shares.sum() == pytest.approx(100)
    # The gaps that are drawn, weighted by the images of their bins, are that error.
    gaps = np.array([bar.get_height() for bar in top.containers[1]])
    assert (np.abs(gaps) * shares[shares > 0]).sum() / 100 == pytest.approx(error)


def test_prediction_gallery_colors_right_and_wrong(faces):
    y_prob = np.full((2, 7), 0.1)
    y_prob[:, 3] = 0.4
    figure = results.prediction_gallery(faces.images[:2], np.array([3, 4]), y_prob, NAMES)
    draw(figure)
    for number, (true, color, mark) in enumerate(((3, RIGHT, "✓"), (4, WRONG, "✗"))):
        face, bars = figure.axes[2 * number : 2 * number + 2]
        assert face.get_title() == f"happy {mark}"
        np.testing.assert_allclose([bar.get_width() for bar in bars.patches], y_prob[number])
        assert bars.patches[3].get_facecolor()[:3] == to_rgb(color)
        labels = bars.get_yticklabels()
        assert [label.get_text() for label in labels if label.get_fontweight() == "bold"] == [
            f"▸ {NAMES[true]}"
        ]
    with pytest.raises(DataError, match="at least one image"):
        results.prediction_gallery(faces.images[:0], y_prob[:0, 0], y_prob[:0], NAMES)


def test_gain_bars_tell_gain_from_loss_from_neither():
    rows = [("up", 0.02, 0.01, 0.03), ("down", -0.02, -0.03, -0.01), ("same", 0.0, -0.01, 0.01)]
    table = pd.DataFrame(rows, columns=["change", "gain", "ci_low", "ci_high"])
    figure = results.gain_bars(table)
    draw(figure)
    (ax,) = figure.axes
    dots = ax.collections[-1]
    assert dots.get_offsets()[:, 0].tolist() == pytest.approx([2, -2, 0])
    expected = [to_rgb(color) for color in (RIGHT, WRONG, SERIES_COLORS[0])]
    assert [tuple(color[:3]) for color in dots.get_facecolors()] == expected
    assert [label.get_text() for label in ax.get_yticklabels()] == ["up", "down", "same"]
    assert ax.texts[0].get_text() == "+2.0  [+1.0, +3.0]"
    with pytest.raises(DataError, match="at least one row"):
        results.gain_bars(table[:0])


def test_gain_panels_are_green_or_red_only_where_zero_is_outside():
    rows = [
        ("up", "accuracy", 0.02, 0.01, 0.03),
        ("up", "macro-F1", 0.01, -0.01, 0.03),
        ("down", "accuracy", -0.02, -0.03, -0.01),
    ]
    table = pd.DataFrame(rows, columns=["change", "metric", "gain", "ci_low", "ci_high"])
    figure = results.gain_panels(table)
    draw(figure)
    first, second = figure.axes
    dots = first.collections[-1]
    np.testing.assert_allclose(dots.get_offsets(), [[2, 0], [-2, 1]])
    expected = [to_rgb(color) for color in (RIGHT, WRONG)]
    assert [tuple(color[:3]) for color in dots.get_facecolors()] == expected
    assert [text.get_text() for text in first.texts] == ["+2.0", "-2.0"]
    assert [text.get_text() for text in second.texts] == ["+1.0"]  # no row for "down": nothing
    assert second.get_title(loc="left") + second.get_title() == "macro-F1"
    with pytest.raises(DataError, match="at least one row"):
        results.gain_panels(table[:0])


def test_gain_panels_draw_an_arrow_where_a_gain_is_beyond_their_limit():
    rows = [
        ("near", "accuracy", 0.02, 0.01, 0.03),
        ("far", "accuracy", -0.70, -0.72, -0.68),
    ]
    table = pd.DataFrame(rows, columns=["change", "metric", "gain", "ci_low", "ci_high"])
    figure = results.gain_panels(table, limit=20)
    draw(figure)
    (ax,) = figure.axes
    _, arrow, dot = ax.collections
    np.testing.assert_allclose(arrow.get_offsets(), [[-20, 1]])
    np.testing.assert_allclose(dot.get_offsets(), [[2, 0]])
    assert ax.get_xlim()[0] > -30
    assert [text.get_text() for text in ax.texts] == ["+2.0", "-70.0"]
