"""Faces are found where they are, by both detectors, and cropped by arithmetic that is exact."""

import json
from dataclasses import replace

import numpy as np
import pytest
from helpers import run_python
from PIL import Image
from skimage.data import astronaut, brick

from fer_utils.errors import ConfigError, DataError
from fer_utils.faces import blazeface
from fer_utils.faces.blazeface import FILES, anchors, decode, load_blazeface, overlap, suppress
from fer_utils.faces.calibration import calibrate
from fer_utils.faces.crops import FRAMES, crop_box, crop_color, crop_face
from fer_utils.faces.detection import detect_faces
from fer_utils.faces.face import Face
from fer_utils.faces.resize import area_resize, to_gray, to_uint8, windows

#: The astronaut's eyes, nose and mouth in the picture, looked up by eye.
EYES_NOSE_MOUTH = np.array([(203, 101), (247, 103), (224, 126), (223, 147)])


def slow_resize(image, box, size, edge):
    """The rule of `fer_utils.faces.resize`, pixel by pixel, as JavaScript would write it."""
    (left, top, width, height), (rows, columns) = box, size
    result = np.zeros(size)

    def cell(start, length, count, k):
        step = length / count
        middle, half = start + (k + 0.5) * step, max(step, 1) / 2
        return middle - half, middle + half

    for row in range(rows):
        for column in range(columns):
            y0, y1 = cell(top, height, rows, row)
            x0, x1 = cell(left, width, columns, column)
            for y in range(int(np.floor(y0)), int(np.ceil(y1))):
                for x in range(int(np.floor(x0)), int(np.ceil(x1))):
                    part = max(min(y1, y + 1) - max(y0, y), 0) * max(min(x1, x + 1) - max(x0, x), 0)
                    inside = 0 <= y < image.shape[0] and 0 <= x < image.shape[1]
                    if inside or edge:
                        near = np.clip(y, 0, len(image) - 1), np.clip(x, 0, image.shape[1] - 1)
                        result[row, column] += part * image[near] / (y1 - y0) / (x1 - x0)
    return result


BOXES = {
    "whole": (0, 0, 13, 11),
    "shrunk by fractions": (1.3, 0.25, 10.1, 9.7),
    "enlarged": (4.2, 3.1, 2.5, 2.2),
    "over every edge": (-3.5, -4.25, 21, 19.5),
    "wholly outside": (-30, 2, 8, 6),
    "wholly below": (2, 40, 8, 6),
    "one pixel": (12, 10, 1, 1),
}


@pytest.mark.parametrize("edge", [False, True])
@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)
def test_the_resize_is_the_written_rule(box, edge):
    image = np.random.default_rng(3).integers(0, 256, (11, 13), dtype=np.uint8)
    resized = area_resize(image, box, (5, 4), edge=edge)
    assert np.abs(resized - slow_resize(image, box, (5, 4), edge)).max() < 1e-9


def test_the_resize_keeps_colors_apart_and_means():
    image = np.random.default_rng(0).integers(0, 256, (12, 8, 3), dtype=np.uint8)
    small = area_resize(image, (0, 0, 8, 12), (3, 2))
    assert np.allclose(small, image.reshape(3, 4, 2, 4, 3).mean((1, 3)), atol=1e-10)
    assert np.array_equal(area_resize(image, (0, 0, 8, 12), (12, 8)), image)
    assert all(abs(w.sum() - 1) < 1e-12 for _, w in windows(-3.3, 30.7, 7, 20, edge=True))


@pytest.mark.parametrize("box", [(0, 0, 0, 5), (0, 0, 5, -1), (0, 0, np.nan, 5)])
def test_an_empty_box_is_refused(box):
    with pytest.raises(ValueError, match="nothing to resize"):
        area_resize(np.zeros((5, 5), np.uint8), box, (4, 4))


def test_half_way_is_rounded_up_and_luma_is_bt601():
    values = np.array([0.5 - 1e-9, 0.5, 1.5, 2.49, 254.5, 300, -3])
    assert to_uint8(values).tolist() == [1, 1, 2, 2, 255, 255, 0]
    colors = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    assert to_uint8(to_gray(colors)).tolist() == [[76, 150, 29, 255]]


@pytest.mark.parametrize("size", FILES)
def test_blazeface_finds_the_astronaut(size):
    (face,) = load_blazeface(size).detect(astronaut())
    assert face.score > 0.8
    assert face.width == pytest.approx(100, abs=8)
    assert np.abs(face.landmarks[:4] - EYES_NOSE_MOUTH).max() < 8
    assert face.landmark("left_ear")[0] < face.landmark("left_eye")[0]
    assert abs(face.eye_angle) < 15


@pytest.mark.parametrize("shape", [(800, 600), (300, 900)])
def test_the_place_does_not_depend_on_the_letterbox(shape):
    picture = np.full((*shape, 3), 80, np.uint8)
    top, left = shape[0] - 256, shape[1] - 256
    picture[top:, left:] = astronaut()[:256, 100:356]
    (face,) = load_blazeface(256).detect(picture)
    expected = np.add(EYES_NOSE_MOUTH, (left - 100, top))
    assert np.abs(face.landmarks[:4] - expected).max() < 12


def test_mtcnn_finds_it_at_the_same_place():
    done = run_python(
        "import json, numpy as np\n"
        "from skimage.data import astronaut\n"
        "from fer_utils.faces.detection import detect_faces\n"
        "a = astronaut()\n"
        "(face,) = detect_faces(a, 'mtcnn')\n"
        "large = np.repeat(np.repeat(a, 3, 0), 3, 1)\n"
        "(thrice,) = detect_faces(large, 'mtcnn')\n"
        "none = [len(detect_faces(np.zeros(s, np.uint8), 'mtcnn')) for s in "
        "[(1, 1, 3), (20, 20, 3), (15, 400, 3), (200, 200, 3)]]\n"
        "print(json.dumps([face.x, face.y, face.width, face.height, face.score, thrice.x / 3, "
        "face.landmarks.tolist(), face.names, none]))\n"
    )
    assert done.returncode == 0, done.stderr[-1000:]
    *box, score, x, landmarks, names, none = json.loads(done.stdout.splitlines()[-1])
    assert names[:3] == ["left_eye", "right_eye", "nose"]
    assert np.abs(np.array(landmarks)[:3] - EYES_NOSE_MOUTH[:3]).max() < 6
    left, right = np.array(landmarks)[3:]
    assert np.abs((left + right) / 2 - EYES_NOSE_MOUTH[3]).max() < 12
    assert left[0] < right[0]
    assert score > 0.99
    assert x == pytest.approx(box[0], abs=6)
    assert none == [0, 0, 0, 0]
    by_mtcnn = Face(*box, score, np.array(landmarks), tuple(names), "mtcnn")
    by_blazeface = detect_faces(astronaut())[0]
    difference = np.subtract(crop_box(by_mtcnn), crop_box(by_blazeface))
    assert np.abs(difference).max() < 20  # of the frames, whose sides are 122 and 104


def collage():
    """Return a picture with the astronaut's face in five sizes, and the middles of the faces."""
    patch, places = Image.fromarray(astronaut()[0:250, 100:350]), []
    picture = Image.new("RGB", (1200, 800), (90, 110, 120))
    for x, y, side in (
        (20, 20, 420),
        (560, 40, 250),
        (850, 60, 160),
        (560, 400, 120),
        (800, 400, 80),
    ):
        picture.paste(patch.resize((side, side), Image.Resampling.LANCZOS), (x, y))
        places.append((x + 0.5 * side, y + 0.5 * side))
    return np.asarray(picture), places


def test_faces_of_all_sizes_are_found_once():
    picture, places = collage()
    faces = detect_faces(picture)
    middles = [(face.x + face.width / 2, face.y + face.height / 2) for face in faces]
    near = [
        [np.hypot(*np.subtract(middle, place)) < 0.6 * face.width for place in places]
        for face, middle in zip(faces, middles, strict=True)
    ]
    assert np.sum(near, axis=0).tolist() == [1] * 5
    assert len(faces) == 5
    assert [face.score for face in faces] == sorted((f.score for f in faces), reverse=True)


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (512, 512), (900, 700)])
def test_no_face_is_found_where_there_is_none(size):
    wall = np.resize(brick(), size)
    assert detect_faces(np.repeat(wall[..., None], 3, axis=2)) == []


def test_a_higher_score_and_an_unknown_detector():
    assert detect_faces(astronaut(), min_score=0.99) == []
    with pytest.raises(ConfigError, match=r"unknown detector 'dlib'; known: blazeface, mtcnn"):
        detect_faces(astronaut(), "dlib")


def test_a_missing_or_changed_file_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(blazeface, "FOLDER", tmp_path)
    load = load_blazeface.__wrapped__  # not from the cache
    with pytest.raises(DataError, match="missing"):
        load(128)
    (tmp_path / "blazeface_128.onnx").write_bytes(b"another net")
    with pytest.raises(DataError, match="SHA-256"):
        load(128)
    with pytest.raises(ConfigError, match="size of BlazeFace"):
        load(64)


def test_anchors_and_suppression():
    grid = anchors()
    assert grid.shape == (896, 2)
    assert grid[:3].tolist() == [[1 / 32, 1 / 32], [1 / 32, 1 / 32], [3 / 32, 1 / 32]]
    assert grid[512 + 5 : 512 + 7].tolist() == [[1 / 16, 1 / 16], [3 / 16, 1 / 16]]
    boxes = np.zeros((4, 16))
    boxes[:, :4] = [(0, 0, 1, 1), (5, 5, 6, 6), (0, 0, 1, 1.2), (0.9, 0.9, 1.9, 1.9)]
    merged, scores = suppress(boxes, np.array([0.6, 0.7, 0.9, 0.8]))
    assert scores.tolist() == [0.9, 0.8, 0.7]
    assert merged[0, 3] == pytest.approx((1.2 * 0.9 + 1 * 0.6) / 1.5)
    assert overlap(boxes[0], boxes).round(3).tolist() == [1, 0, 0.833, 0.005]
    assert [len(part) for part in suppress(boxes[:0], np.zeros(0))] == [0, 0]
    assert len(suppress(np.zeros((2, 16)), np.ones(2))[0]) == 2  # without area: no endless loop


def test_boxes_without_an_area_are_no_faces():
    scores, boxes = np.full((896, 1), -9.0), np.zeros((896, 16))
    scores[:4] = 9
    boxes[:4, 2:4] = [(30, 30), (0, 30), (30, -1), (np.nan, 30)]
    outputs = [scores[:512], scores[512:], boxes[:512], boxes[512:]]
    found, kept = decode(outputs, 128)
    assert len(found) == len(kept) == 1
    assert found[0, 2] - found[0, 0] == pytest.approx(30 / 128)


def face_at(x, y, side, angle=0.0, detector="blazeface"):
    """Return a face whose eyes are turned by `angle` degrees."""
    across = side / 4 * np.array((np.cos(np.radians(angle)), np.sin(np.radians(angle))))
    middle = np.array((x + side / 2, y + side / 2))
    eyes = np.stack((middle - across, middle + across))
    return Face(x, y, side, side, 0.9, eyes, ("left_eye", "right_eye"), detector)


def test_the_crop_is_the_calibrated_frame():
    frame = FRAMES["blazeface"]
    left, top, side, same = crop_box(face_at(10, 20, 30))
    assert side == same == pytest.approx(30 * frame.scale)
    assert left + side / 2 == pytest.approx(25)
    assert top + side / 2 == pytest.approx(35 + 30 * frame.shift)
    with pytest.raises(ConfigError, match="unknown detector"):
        crop_box(replace(face_at(1, 1, 5), detector="x"))


def test_a_crop_over_the_edge_repeats_the_edge():
    picture = np.full((40, 40, 3), 70, np.uint8)
    crop = crop_face(picture, face_at(-10, -10, 60))
    assert crop.shape == (48, 48)
    assert crop.dtype == np.uint8
    assert (crop == 70).all()
    assert (crop_face(picture[..., 0], face_at(-10, -10, 60), align=True) == 70).all()
    assert crop_color(picture, face_at(5, 5, 20), 64).shape == (64, 64, 3)


def test_alignment_levels_the_eyes():
    def dots(angle):
        picture = np.zeros((400, 400), np.uint8)
        face = face_at(100, 100 - 200 * FRAMES["blazeface"].shift, 200, angle)
        # the eyes lie on a line through the frame's middle, about which the picture is turned
        for x, y in np.add(face.landmarks, (0, 200 * FRAMES["blazeface"].shift)):
            picture[round(y) - 12 : round(y) + 12, round(x) - 12 : round(x) + 12] = 255
        return picture, face

    level = crop_face(*dots(0)).astype(float)
    turned = dots(25)
    assert np.abs(crop_face(*turned, align=True) - level).mean() < 5
    assert np.abs(crop_face(*turned) - level).mean() > 8
    assert np.abs(crop_face(*dots(0), align=True) - level).mean() < 1.5


def test_calibration_finds_where_the_frame_lies():
    def detect(picture):  # a box of half the frame, a tenth of its own side too low
        return [face_at(144 - 24, 144 - 24 + 4.8, 48)] if picture.mean() > 120 else []

    images = np.full((5, 48, 48), 200, np.uint8)
    images[:2] = 0
    found = calibrate(images, detect)
    assert (found["images"], found["found"]) == (5, 3)
    assert found["scale"] == pytest.approx(2)
    assert found["shift"] == pytest.approx(-0.1)
    assert found["right"] == pytest.approx(0)
    with pytest.raises(DataError, match="no face found in 2 images"):
        calibrate(images[:2], lambda picture: [])


def test_the_constants_are_those_of_real_faces(real_fer2013):
    found = calibrate(real_fer2013.part("valid").images[:150], load_blazeface(128).detect)
    frame = FRAMES["blazeface"]
    assert found["found"] > 135
    assert found["scale"] == pytest.approx(frame.scale, abs=0.04)
    assert found["shift"] == pytest.approx(frame.shift, abs=0.03)
    assert found["right"] == pytest.approx(0, abs=0.03)
