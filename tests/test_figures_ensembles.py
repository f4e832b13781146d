"""The figures of ensembles show the numbers that they are given, in percent."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from fer_utils.calibration import apply_temperature
from fer_utils.errors import DataError
from fer_utils.evaluation import expected_calibration_error
from fer_utils.figures.ensembles import (
    agreement_curve,
    member_curves,
    pair_matrix,
    reliability_pair,
    wrong_members_histogram,
    zoom_on_valid,
)
from fer_utils.figures.results import learning_curves


def draw(figure: Figure) -> None:
    """Render `figure`: layout and fonts fail here, not when it is built."""
    figure.set_dpi(30)
    figure.canvas.draw()


def legend_texts(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def title(ax) -> str:
    return ax.get_title(loc="left") + ax.get_title()


def curve(best_first: float = 0.6) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "members": [1, 2, 3],
            "mean": [0.5, 0.6, 0.7],
            "low": [0.4, 0.5, 0.7],
            "high": [0.6, 0.65, 0.7],
            "best_first": best_first,
        }
    )


def agreement(accuracy: float, top: bool = True) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "group": ["below 50 %", "50 to 99 %", "100 %"],
            "images": [10, 0, 1200],
            "accuracy": [accuracy, np.nan, 0.9],
            "ci_low": [accuracy - 0.2, np.nan, 0.8],
            "ci_high": [accuracy + 0.2, np.nan, 0.95],
        }
    )
    return table.assign(label_is_top=[0.4, np.nan, 1.0]) if top else table


def test_member_curves_draw_mean_band_and_order():
    figure = member_curves({"valid": curve(), "test": curve(np.nan)})
    draw(figure)
    valid, test = figure.axes
    assert [title(ax) for ax in figure.axes] == ["valid", "test"]
    mean, order = valid.lines
    np.testing.assert_allclose(mean.get_ydata(), [50, 60, 70])
    np.testing.assert_allclose(order.get_ydata(), 60)
    band = valid.collections[0].get_paths()[0].vertices
    assert {40.0, 60.0} == {round(y, 6) for x, y in band if x == 1}
    assert len(test.lines) == 1
    assert valid.get_ylim() == test.get_ylim()
    assert "best on valid first" in legend_texts(figure)
    with pytest.raises(DataError, match="at least one curve"):
        member_curves({})


@pytest.mark.parametrize("first_has_order", [True, False])
def test_member_curves_name_what_any_panel_shows(first_has_order):
    values = (0.6, np.nan) if first_has_order else (np.nan, 0.6)
    figure = member_curves({str(i): curve(value) for i, value in enumerate(values)})
    assert legend_texts(figure) == [
        "lowest to highest subset", "mean over subsets", "best on valid first",
    ]  # fmt: skip


def test_zoom_on_valid_shows_valid_alone_about_the_best_epochs():
    epoch = np.arange(1, 5)
    history = pd.DataFrame(
        {
            "epoch": epoch,
            "train_loss": 1 / epoch,
            "valid_loss": 1 / epoch,
            "train_accuracy": [0.2, 0.6, 0.9, 0.99],
            "valid_accuracy": [0.2, 0.6, 0.7, 0.69],
        }
    )
    figure = zoom_on_valid(learning_curves({"a": history, "b": [history, history]}))
    draw(figure)
    above, _, zoom = figure.axes
    assert title(zoom) == "Accuracy on valid, close up"
    curves = [line for line in zoom.lines if line.get_marker() != "o"]
    np.testing.assert_allclose([c.get_ydata() for c in curves], [[20, 60, 70, 69]] * 2)
    assert [c.get_color() for c in curves] == [c.get_color() for c in above.lines[1::3]]
    low, high = zoom.get_ylim()
    assert low == 67
    assert 70 < high < 71


def test_pair_matrix_shows_every_pair_and_no_diagonal():
    matrix = np.array([[1, 0.25, np.nan], [0.5, 1, 0.75], [0.1, 0.2, 1]])
    figure = pair_matrix(matrix, ["a", "b", "c"], "Overlap", row_label="of", column_label="too")
    draw(figure)
    ax = figure.axes[0]
    shown = {text.get_position(): text.get_text() for text in ax.texts}
    assert shown == {(1, 0): "25.0", (0, 1): "50.0", (2, 1): "75.0", (0, 2): "10.0", (1, 2): "20.0"}
    assert (title(ax), ax.get_ylabel(), ax.get_xlabel()) == ("Overlap", "of", "too")
    assert ax.collections[0].get_clim() == (10, 75)
    assert len(pair_matrix(np.full((9, 9), 0.3), list("abcdefghi")).axes[0].texts) == 72


def test_pair_matrix_does_not_blow_up_noise():
    figure = pair_matrix(np.array([[0, 0.30], [0.31, 0]]), ["a", "b"])
    assert figure.axes[0].collections[0].get_clim() == pytest.approx((25.5, 35.5))


@pytest.mark.parametrize(("size", "names"), [(3, 2), (1, 1)])
def test_pair_matrix_checks_its_names(size, names):
    with pytest.raises(DataError, match=f"for {names} names"):
        pair_matrix(np.eye(size), ["a", "b"][:names])


def test_agreement_curve_shows_accuracies_intervals_and_counts():
    figure = agreement_curve({"net": agreement(0.5), "ensemble": agreement(0.6)})
    draw(figure)
    top, bottom = figure.axes
    net, ensemble, label = top.lines
    np.testing.assert_allclose(net.get_ydata(), [50, np.nan, 90])
    np.testing.assert_allclose(ensemble.get_ydata(), [60, np.nan, 90])
    np.testing.assert_allclose(label.get_ydata(), [40, np.nan, 100])
    assert (ensemble.get_xdata() > net.get_xdata()).all()  # else intervals hide each other
    np.testing.assert_allclose(top.collections[0].get_segments()[0][:, 1], [30, 70])
    assert [bar.get_height() for bar in bottom.patches] == [10, 0, 1200]
    assert [text.get_text() for text in bottom.texts] == ["10", "0", "1,200"]
    ticks = [text.get_text() for text in bottom.get_xticklabels()]
    assert ticks == ["below 50 %", "50 to 99 %", "100 %"]
    assert len(legend_texts(figure)) == 3
    assert len(agreement_curve({"net": agreement(0.5, top=False)}).axes[0].lines) == 1
    with pytest.raises(DataError, match="at least one table"):
        agreement_curve({})


def test_wrong_members_histogram_is_in_percent_of_all_images():
    figure = wrong_members_histogram(np.array([50, 30, 20]), np.array([10.0, 20.0, 20.0]))
    draw(figure)
    ours, independent = figure.axes[0].containers[:2]
    assert [bar.get_height() for bar in ours] == pytest.approx([50, 30, 20])
    assert [bar.get_height() for bar in independent] == pytest.approx([20, 40, 40])
    assert [text.get_text() for text in figure.axes[0].texts] == ["50.0", "30.0", "20.0"]
    assert len(legend_texts(figure)) == 2
    assert legend_texts(wrong_members_histogram(np.array([1, 2]))) == []
    with pytest.raises(DataError, match="at least one image"):
        wrong_members_histogram(np.zeros(3))


def test_reliability_pair_states_both_errors():
    generator = np.random.default_rng(0)
    y_true, y_prob = generator.integers(0, 7, 300), generator.dirichlet(np.full(7, 0.4), 300)
    y_probs = {"before": y_prob, "after": apply_temperature(y_prob, 3)}
    figure = reliability_pair(y_true, y_probs)
    draw(figure)
    expected = [
        f"{name}: ECE {100 * expected_calibration_error(y_true, part, 15):.1f} %"
        for name, part in y_probs.items()
    ]
    assert [title(ax) for ax in figure.axes[:2]] == expected
    assert expected[0] != expected[1]
    left, right = figure.axes[2:]
    assert left.get_ylim() == right.get_ylim()
    for bottom in (left, right):
        heights = [bar.get_height() for bar in bottom.patches]
        assert sum(heights) == pytest.approx(100)
        assert max(heights) < 0.62 * left.get_ylim()[1]  # the legend has room
    with pytest.raises(DataError, match="at least one set"):
        reliability_pair(y_true, {})
