"""Pictures made to try the pipeline hold what they say, and its figures show it."""

import numpy as np
import pandas as pd
import pytest
import skimage.data
from matplotlib.figure import Figure

from fer_utils.errors import DataError
from fer_utils.faces.classifier import Classifier
from fer_utils.faces.detection import detect_faces
from fer_utils.faces.face import Face
from fer_utils.faces.trials import GRAY, collage, dim, enlarge, find_and_name, match, turn
from fer_utils.figures.faces import (
    collage_results,
    detection_steps,
    photo_with_faces,
    stage_bars,
    trial_panels,
)

FACES = np.arange(6, dtype=np.uint8)[:, None, None] * 40 + np.zeros((6, 48, 48), np.uint8)


def draw(figure: Figure) -> None:
    figure.set_dpi(30)
    figure.canvas.draw()


def face_at(x, y, width, height, score=0.9) -> Face:
    return Face(x, y, width, height, score, np.array([[x, y]]), ("nose",), "blazeface")


def test_a_collage_says_where_each_face_is():
    picture, frames = collage(FACES, (20, 60), width=300, gap=10)
    assert picture.shape == (110, 300, 3)
    assert set(frames[:, 2]) == {20.0, 60.0}
    for number, (left, top, side, _) in enumerate(frames.astype(int)):
        inside = picture[top : top + side, left : left + side]
        assert (inside == FACES[number % 6, 0, 0]).all()
    covered = (frames[:, 2] ** 2).sum()
    grays = (picture[..., 0] == GRAY).sum()
    assert grays == 110 * 300 - covered


@pytest.mark.parametrize("side", [12, 48, 96])
def test_enlarging_keeps_mean_and_type(side):
    noise = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)
    image = enlarge(noise, side)
    assert image.shape == (side, side)
    assert image.dtype == np.uint8
    assert image.mean() == pytest.approx(noise.mean(), abs=3)


def test_a_face_belongs_to_the_frame_that_its_middle_is_in():
    frames = np.array([(0, 0, 100, 100), (100, 0, 100, 100), (0, 100, 100, 100)], float)
    faces = [
        face_at(110, 10, 80, 80),
        face_at(10, 20, 70, 70),
        face_at(20, 20, 60, 60, score=0.7),  # the same frame, less sure
        face_at(40, 140, 10, 10),  # much smaller than the frame
    ]
    assert match(faces, frames).tolist() == [1, 0, -1]
    assert match([], frames).tolist() == [-1, -1, -1]


def test_turning_goes_against_the_clock_about_the_middle():
    picture = np.zeros((41, 41, 3), np.uint8)
    picture[20, 35] = 255  # at the right
    turned = turn(picture, 90)
    row, column = np.unravel_index(turned[..., 0][:, 18:23].argmax(), (41, 5))
    assert abs(row - 5) <= 1  # now on top
    assert abs(column - 2) <= 1
    assert (turn(picture, 45)[0, 0] == GRAY).all()


def test_dim_light_leaves_the_noise():
    picture = np.full((64, 64, 3), 200, np.uint8)
    bright, dark = dim(picture, 1.0), dim(picture, 0.25)
    assert bright.mean() == pytest.approx(200, abs=1)
    assert dark.mean() == pytest.approx(50, abs=1)
    assert bright.std() == pytest.approx(dark.std(), rel=0.1)
    assert (dark[..., 0] == dark[..., 1]).all()
    assert (dim(picture, 0.5) == dim(picture, 0.5)).all()
    assert (dim(picture, 1.0, noise=0) == picture).all()


def test_only_the_face_in_the_middle_is_named():
    photo = skimage.data.astronaut()
    (face,) = detect_faces(photo)
    x, y = round(face.x + face.width / 2), round(face.y + face.height / 2)
    middle, aside = photo[:, x - 100 : x + 100][y - 90 : y + 90], photo[:, 200:]
    seen = []

    def predict(crops):
        seen.extend(crops)
        return np.full((len(crops), 7), 1 / 7, np.float32)

    classifier = Classifier("fake", "", tuple("abcdefg"), 48, predict)
    found, y_prob = find_and_name([middle, aside, np.zeros((60, 60, 3), np.uint8)], classifier)
    assert found.tolist() == [True, False, False]
    assert len(seen) == 1
    assert seen[0].shape == (48, 48)
    assert np.isfinite(y_prob).all(axis=1).tolist() == [True, False, False]


def test_figures_show_boxes_series_and_times():
    square = np.zeros((32, 32, 3), np.uint8)
    rows = np.tile([0.2, 0.2, 0.6, 0.6], (3, 1))
    face = np.array([0.2, 0.2, 0.6, 0.6, *[0.4] * 12])
    figure = detection_steps(square, rows, np.array([0.7, 0.8, 0.9]), face)
    draw(figure)
    assert [len(ax.patches) for ax in figure.axes] == [0, 3, 1]
    assert figure.axes[1].get_xlim() == pytest.approx((0, 25.6))  # about the face
    figure = photo_with_faces({"a": (square, [face_at(1, 2, 9, 9)]), "b": (square, [])})
    draw(figure)
    assert [len(ax.patches) for ax in figure.axes] == [1, 0]
    with pytest.raises(DataError, match="at least one photo"):
        photo_with_faces({})
    figure = collage_results(square, np.array([(1, 1, 5, 5), (9, 9, 5, 5)]), np.array([1, 0]))
    draw(figure)
    solid, dashed = figure.axes[0].patches
    assert (solid.get_linestyle(), dashed.get_linestyle()) == ("solid", "--")
    figure = stage_bars(pd.DataFrame({"stage": ["a", "b"], "milliseconds": [0.5, 20.0]}))
    draw(figure)
    assert [t.get_text() for t in figure.axes[0].texts] == ["0.5 ms", "20 ms"]
    with pytest.raises(DataError, match="at least one row"):
        stage_bars(pd.DataFrame(columns=["stage", "milliseconds"]))


def test_trials_are_drawn_in_percent_with_each_series_named_once():
    columns = ["condition", "level", "series", "measure", "value", "ci_low", "ci_high"]
    rows = [("size", x, "a", m, 0.5, 0.4, 0.6) for x in (1, 2) for m in ("found", "right")]
    rows += [("angle", x, "b", "found", x / 10, 0.0, 1.0) for x in (3, 1)]
    table = pd.DataFrame(rows, columns=columns)
    figure = trial_panels(table, {"size": "pixels", "angle": "degrees"}, {"size": 1.5})
    draw(figure)
    assert len(figure.axes) == 4
    lines = figure.axes[1].lines[0]
    assert lines.get_xdata().tolist() == [1, 3]
    assert lines.get_ydata() == pytest.approx([10, 30])
    assert [text.get_text() for text in figure.legends[0].texts] == ["a", "b"]
    with pytest.raises(DataError, match="at least one row"):
        trial_panels(table[:0], {})
