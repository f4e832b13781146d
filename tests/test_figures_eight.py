"""The figures of unequal classes and people show the numbers that they are given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from fer_utils.errors import DataError
from fer_utils.figures.eight import (
    interval_rows,
    log_counts,
    loss_curves,
    overfitting,
    people_sizes,
    random_crops,
    split_dots,
)


def draw(figure: Figure) -> None:
    """Render `figure`: layout and fonts fail here, not when it is built."""
    figure.set_dpi(30)
    figure.canvas.draw()


def texts_of(figure: Figure) -> list[str]:
    """Return the texts in all axes of `figure`."""
    return [text.get_text() for ax in figure.axes for text in ax.texts]


def test_log_counts_write_what_a_logarithm_can_not_show():
    rows = [("neutral", 9_000, 900, 0), ("contempt", 1, 0, 0)]
    counts = pd.DataFrame(
        [(name, split, n) for name, *numbers in rows
         for split, n in zip(("train", "valid", "test"), numbers, strict=True)],
        columns=["class", "split", "images"],
    )  # fmt: skip
    figure = log_counts(counts)
    draw(figure)
    ax = figure.axes[0]
    assert ax.get_xscale() == "log"
    dots = {line.get_label(): line.get_xdata() for line in ax.lines}
    np.testing.assert_array_equal(dots["train"], [9_000, 1])
    np.testing.assert_array_equal(dots["valid"], [900, np.nan])
    assert np.isnan(dots["test"]).all()
    assert texts_of(figure) == ["9,000  /  900  /  0   (100.0 %)", "1  /  0  /  0   (0.01 %)"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["neutral", "contempt"]
    for empty in (counts[:0], counts.assign(images=0)):
        with pytest.raises(DataError, match="at least one image"):
            log_counts(empty)


def test_people_sizes_rank_people_and_add_up_their_images():
    figure = people_sizes(np.array([1, 6, 1, 2]))
    draw(figure)
    left, right = figure.axes
    assert left.lines[0].get_ydata().tolist() == [6, 2, 1, 1]
    np.testing.assert_allclose(right.lines[0].get_ydata(), [60, 80, 90, 100])
    assert texts_of(figure) == ["1 of 4 people\nhave half of the images"]
    draw(people_sizes(np.ones(5, int)))
    with pytest.raises(DataError, match="at least one person"):
        people_sizes(np.array([], int))


def test_split_dots_draw_every_split_and_the_mean():
    table = pd.DataFrame(
        [("by person", "known", 0.0), ("by person", "known", 0.0), ("at random", "known", 60.0),
         ("at random", "known", 70.0), ("by person", "right", 50.0)],
        columns=["way", "measure", "value"],
    )  # fmt: skip
    figure = split_dots(table)
    draw(figure)
    known, right = figure.axes
    assert [line.get_xdata().tolist() for line in known.lines] == [[0, 0], [60, 70]]
    assert known.lines[1].get_ydata().tolist() == [1, 1]
    assert texts_of(figure) == ["0.0", "65.0", "50.0"]
    assert [ax.get_xlabel() for ax in (known, right)] == ["known", "right"]
    with pytest.raises(DataError, match="at least one row"):
        split_dots(table[:0])


def test_interval_rows_draw_percent_and_leave_out_a_missing_case():
    table = pd.DataFrame(
        [("fear (3)", "none", 0.0, 0.0, 0.5), ("fear (3)", "all", 1.0, 0.4, 1.0),
         ("anger (9)", "all", 1.0, 0.7, 1.0)],
        columns=["label", "case", "value", "ci_low", "ci_high"],
    )  # fmt: skip
    figure = interval_rows(table)
    draw(figure)
    ax = figure.axes[0]
    none, everything = ax.lines
    np.testing.assert_array_equal(none.get_xdata(), [0, np.nan])
    np.testing.assert_array_equal(everything.get_xdata(), [100, 100])
    assert (none.get_ydata() < everything.get_ydata()).all(), "cases lie side by side"
    segments = ax.collections[1].get_segments()
    np.testing.assert_allclose([segment[:, 0] for segment in segments], [[40, 100], [70, 100]])
    with pytest.raises(DataError, match="at least one row"):
        interval_rows(table[:0])


def test_random_crops_frame_what_they_show():
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    boxes = np.array([[0, 1, 6, 6], [2, 0, 6, 6]])
    views = np.stack([image[1:7, 0:6], image[0:6, 2:8]])
    figure = random_crops(image, boxes, views, ["one", "two"])
    draw(figure)
    first, *others = figure.axes
    assert len(others) == 2
    for box, frame, view, ax in zip(boxes, first.patches, views, others, strict=True):
        # pixel centers are whole numbers, so a frame lies half a pixel before its first pixel
        left, top = np.add(frame.get_xy(), 0.5).astype(int)
        assert [left, top, frame.get_width(), frame.get_height()] == box.tolist()
        np.testing.assert_allclose(ax.images[0].get_array() * 255, view, rtol=1e-5)
    assert others[1].get_title() == "two"
    with pytest.raises(DataError, match="at least one crop"):
        random_crops(image, boxes[:0], views[:0], [])


def test_loss_curves_keep_the_compared_ones_in_sight():
    p = np.array([0.001, 0.5, 0.999])
    figure = loss_curves(p, {"cross-entropy": -np.log(p), "bounded": 1 - p})
    draw(figure)
    ax = figure.axes[0]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), -np.log(p))
    assert [line.get_linestyle() for line in ax.lines[:2]] == ["--", "-"]
    assert 1 < ax.get_ylim()[1] < 1.5, "scaled to the bounded loss, not to the unbounded one"
    draw(loss_curves(p, {"alone": 1 - p}))
    with pytest.raises(DataError, match="at least one loss"):
        loss_curves(p, {})


@pytest.mark.parametrize(("valid_loss", "turn"), [([2, 1, 3], 2), ([1, 2, 3], 1), ([3, 2, 1], 3)])
def test_overfitting_marks_the_epoch_of_the_lowest_valid_loss(valid_loss, turn):
    history = pd.DataFrame({"epoch": [1, 2, 3], "valid_loss": valid_loss})
    history = history.assign(train_loss=1.0, train_accuracy=1.0, valid_accuracy=0.5)
    # an index that is no epoch must not matter
    figure = overfitting({"net": history, "other": history.set_index(np.array([7, 8, 9]))})
    draw(figure)
    assert len(figure.axes) == 4
    assert [text.strip() for text in texts_of(figure)] == [f"lowest valid loss: epoch {turn}"] * 2
    for ax in figure.axes:
        assert set(ax.lines[2].get_xdata()) == {turn}
    assert figure.axes[0].lines[0].get_ydata().tolist() == [100, 100, 100]
    with pytest.raises(DataError, match="at least one history"):
        overfitting({})


def test_overfitting_draws_a_single_epoch():
    draw(overfitting({"net": pd.DataFrame(
        {"epoch": [1], "train_loss": [2.0], "valid_loss": [2.0], "train_accuracy": [0.1],
         "valid_accuracy": [0.1]}
    )}))  # fmt: skip
