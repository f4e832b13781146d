"""The figures of votes show the numbers that they are given, also of classes without images."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from fer_utils.errors import DataError
from fer_utils.figures.ferplus import (
    agreement_bars,
    entropy_panels,
    face_rows,
    label_shares,
    measure_panels,
    outcome_matrix,
    vote_gallery,
)

FACES = np.random.default_rng(0).integers(0, 256, (3, 8, 8)).astype(np.uint8)
VOTES = np.array([[10] + [0] * 9, [4, 0, 0, 3, 0, 0, 1, 0, 2, 0], [0] * 9 + [10]], np.uint8)


def draw(figure: Figure) -> None:
    """Render `figure`: layout and fonts fail here, not when it is built."""
    figure.set_dpi(30)
    figure.canvas.draw()


def test_vote_gallery_draws_votes_and_probabilities_on_one_scale():
    y_prob = np.array([[0.6, 0.4, *[0] * 6]] * 3)
    figure = vote_gallery(FACES, VOTES, ["a", "b\nc", "d"], y_prob, columns=2)
    draw(figure)
    (ax,) = figure.axes
    widths = np.array([bar.get_width() for bar in ax.patches]).reshape(VOTES.shape)
    np.testing.assert_allclose(widths / widths.max(), VOTES / 10)
    diamonds = ax.lines[1].get_xdata() - ax.patches[0].get_x()
    np.testing.assert_allclose(diamonds / widths.max(), [0.6, 0.4])  # of none: no diamond
    texts = [text.get_text() for text in ax.texts]
    assert [text for text in texts if text.isdigit()] == ["10", "4", "3", "2", "10"]
    assert {"b\nc", "not a face"} <= set(texts)
    assert len(vote_gallery(FACES[:1], VOTES[:1]).axes[0].lines) == 1
    with pytest.raises(DataError, match="at least one image"):
        vote_gallery(FACES[:0], VOTES[:0])


def test_label_shares_leave_a_gap_for_a_missing_class():
    table = pd.DataFrame(
        [("fear", "one", 0.2), ("fear", "two", 0.1), ("contempt", "one", np.nan),
         ("contempt", "two", 0.0)],
        columns=["class", "series", "share"],
    )  # fmt: skip
    figure = label_shares(table)
    draw(figure)
    one, two = figure.axes[0].containers
    assert one[0].get_height() == pytest.approx(20)
    assert [bar.get_height() for bar in two] == pytest.approx([10, 0])
    assert [text.get_text() for text in figure.axes[0].texts] == ["20.0", "", "10.0", "0.0"]
    with pytest.raises(DataError, match="at least one row"):
        label_shares(table[:0])


def test_entropy_panels_are_in_percent_of_all_images():
    entropy, kept = np.array([0, 0.4, 2.0, 2.1]), np.array([True, True, True, False])
    groups = {"label": {"fear": entropy[:2], "contempt": entropy[:0]}, "seen": {"fear": entropy}}
    figure = entropy_panels(entropy, kept, groups)
    draw(figure)
    left, right = figure.axes
    assert sum(bar.get_height() for bar in left.containers[0]) == pytest.approx(75)
    assert sum(bar.get_height() for bar in left.containers[1]) == pytest.approx(25)
    np.testing.assert_allclose(right.lines[0].get_xdata(), [0.2, np.nan])
    draw(entropy_panels(np.zeros(3), np.ones(3, bool), {"label": {"fear": np.zeros(3)}}))
    with pytest.raises(DataError, match="at least one image"):
        entropy_panels(entropy[:0], kept[:0], groups)


def test_outcome_matrix_states_percent_and_images():
    counts = np.array([[3, 1, 1000], [0, 0, 0]])
    figure = outcome_matrix(counts, ["fear", "anger"], ["fear", "anger", "dropped"], kept=2)
    draw(figure)
    ax = figure.axes[0]
    assert [text.get_text() for text in ax.texts] == ["<1 %", "3", "<1 %", "1", "100 %", "1,000"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["fear (1,004)", "anger (0)"]
    assert ax.lines[0].get_xdata()[0] == 1.5
    with pytest.raises(DataError, match="2 rows and 2"):
        outcome_matrix(counts, ["a", "b"], ["a", "b"])


def test_face_rows_take_short_rows():
    figure = face_rows({"two": FACES[:2], "none": FACES[:0], "all": FACES}, columns=3)
    draw(figure)
    assert [text.get_text() for text in figure.axes[0].texts] == ["two", "none", "all"]
    assert figure.axes[0].images[0].get_array().shape == (8 * 3 + 6, 8 * 3 + 6)
    with pytest.raises(DataError, match="at least one image"):
        face_rows({"none": FACES[:0]})


def test_measure_panels_draw_every_measure_of_every_model():
    rows = [("a", "accuracy", 80.0, 79, 81), ("b", "accuracy", 82.0, 81, 83)]
    rows += [("a", "loss", 0.75, 0.7, 0.8)]
    table = pd.DataFrame(rows, columns=["label", "measure", "value", "ci_low", "ci_high"])
    figure = measure_panels(table, {"loss": 0.5})
    draw(figure)
    first, second = figure.axes
    np.testing.assert_allclose(first.lines[0].get_xdata(), [80, 82])
    np.testing.assert_allclose(second.lines[0].get_xdata(), [0.75, np.nan])
    assert [text.get_text() for text in second.texts] == ["0.75"]
    assert second.lines[1].get_xdata()[0] == 0.5
    assert len(first.lines) == 1
    with pytest.raises(DataError, match="at least one row"):
        measure_panels(table[:0])


def test_agreement_bars_call_nobody_ours():
    table = pd.DataFrame(
        {"label": ["one annotator"], "accuracy": [0.8], "ci_low": [0.7], "ci_high": [0.9]}
    )
    figure = agreement_bars(table)
    draw(figure)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["agreement, 95 % interval"]
    assert figure.axes[0].get_xlabel() == "agreement with the majority (%)"
    with pytest.raises(DataError, match="at least one row"):
        agreement_bars(table[:0])
