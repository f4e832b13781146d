"""CK+: sequences with their labels and landmarks, folders of classes, and the split."""

import numpy as np
import pytest
from PIL import Image

from fer_utils import paths
from fer_utils.datasets import load_dataset
from fer_utils.datasets.ckplus import face_box, load_ckplus
from fer_utils.errors import DataError
from fer_utils.labels import FER2013_CLASSES, SPLITS

NAMES = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
SUBJECTS = 12
FRAMES = 6


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA_RAW", tmp_path / "raw")
    monkeypatch.setattr(paths, "DATA_CACHE", tmp_path / "cache")
    folder = tmp_path / "raw" / "ckplus"
    folder.mkdir(parents=True)
    return folder


def frame(root, subject, sequence, number):
    name = f"S{subject:03}_{sequence:03}_{number:08}.png"
    return root / "cohn-kanade-images" / f"S{subject:03}" / f"{sequence:03}" / name


def label(root, subject, sequence, text):
    name = f"S{subject:03}_{sequence:03}_{FRAMES:08}_emotion.txt"
    path = root / "Emotion" / f"S{subject:03}" / f"{sequence:03}" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def write_sequences(root, subjects=SUBJECTS):
    """Write one sequence per subject and emotion; a frame's gray is its number times 30."""
    for subject in range(subjects):
        for code in range(1, 8):
            for number in range(1, FRAMES + 1):
                path = frame(root, subject, code, number)
                path.parent.mkdir(parents=True, exist_ok=True)
                picture = Image.new("L", (64, 49), number * 30 + code)
                picture.putpixel((0, 0), subject)  # no two files are equal
                picture.save(path)
            label(root, subject, code, f"   {code}.0000000e+00\n")


def write_classes(root, names=NAMES):
    for subject in range(SUBJECTS):
        for code, name in enumerate(names):
            path = root / name / f"S{subject:03}_{code:03}_00000011.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (48, 48), subject * 10 + code).save(path)


def test_the_first_frame_is_neutral_and_the_last_three_carry_the_label(root):
    write_sequences(root)
    dataset = load_dataset("ckplus")
    assert dataset.images.shape == (SUBJECTS * 6 * 4, 48, 48)
    assert dataset.class_names == FER2013_CLASSES
    assert dataset.class_counts().tolist() == [36, 36, 36, 36, 36, 36, 72]
    shown = dataset.images[:, 20, 20] // 30
    assert set(shown[dataset.labels == 6]) == {1}
    assert set(shown[dataset.labels != 6]) == {4, 5, 6}
    codes = dataset.images[:, 20, 20] % 30
    by_code = {1: 0, 3: 1, 4: 2, 5: 3, 6: 4, 7: 5}
    peaks = dataset.labels != 6
    assert [by_code[code] for code in codes[peaks]] == dataset.labels[peaks].tolist()
    assert dataset.repairs == (
        "12 sequences of contempt left out: S000/002, S001/002, S002/002, ...",
    )


def test_nobody_is_in_two_splits(root):
    write_sequences(root)
    dataset = load_ckplus(side=8)
    assert len(set(dataset.people)) == SUBJECTS
    people = [set(dataset.people[dataset.indices(split)]) for split in SPLITS]
    assert all(people)
    assert sum(map(len, people)) == SUBJECTS


@pytest.mark.parametrize(("peaks", "count"), [(1, 2), (5, 6), (99, 6)])
def test_number_of_peaks(root, peaks, count):
    write_sequences(root)
    assert len(load_ckplus(side=8, peaks=peaks)) == SUBJECTS * 6 * count


def test_no_peaks(root):
    write_sequences(root)
    with pytest.raises(DataError, match="peaks 0"):
        load_ckplus(peaks=0)


def test_unlabeled_sequences_are_counted_and_no_fault(root):
    write_sequences(root)
    path = frame(root, 0, 8, 1)
    path.parent.mkdir()
    Image.new("L", (64, 49)).save(path)
    told = load_ckplus(side=8, strict=True).repairs
    assert told[1] == "1 sequence without a label left out: S000/008"


def test_an_emotion_file_without_a_sequence(root):
    write_sequences(root)
    label(root, 99, 1, "3.0")
    assert load_ckplus(side=8).repairs[0] == (
        "1 Emotion file without a sequence left out: S099/001"
    )
    with pytest.raises(DataError, match=r"S099/001; refused because of strict"):
        load_ckplus(side=8, strict=True)


@pytest.mark.parametrize("text", ["", "angry", "-1.0", "8.0", "2.5"])
def test_damaged_label(root, text):
    write_sequences(root)
    label(root, 3, 1, text)
    dataset = load_ckplus(side=8)
    assert dataset.repairs[0] == "1 sequence with a damaged label left out: S003/001"
    assert len(dataset) == SUBJECTS * 6 * 4 - 4


def test_sequence_of_one_frame(root):
    write_sequences(root)
    for number in range(2, FRAMES + 1):
        frame(root, 0, 1, number).unlink()
    assert load_ckplus(side=8).repairs[0] == "1 sequence of one frame left out: S000/001"


def test_unreadable_frame(root):
    write_sequences(root)
    frame(root, 0, 1, FRAMES).write_bytes(b"no picture")
    assert load_ckplus(side=8).repairs[0].startswith("1 unreadable image left out: S000_001_")
    with pytest.raises(DataError, match=r"S000_001_00000006\.png"):
        load_ckplus(side=8, strict=True)


def test_missing_labels(root):
    write_sequences(root, subjects=1)
    (root / "Emotion").rename(root / "elsewhere")
    with pytest.raises(DataError, match="holds cohn-kanade-images but no Emotion"):
        load_ckplus()


def write_landmarks(root, path, points):
    target = root / "Landmarks" / path.parent.parent.name / path.parent.name
    target.mkdir(parents=True, exist_ok=True)
    np.savetxt(target / f"{path.stem}_landmarks.txt", points)


def test_faces_are_cut_out_by_their_landmarks(root):
    write_sequences(root)
    rng = np.random.default_rng(0)
    points = rng.uniform((300, 150), (400, 250), (68, 2))
    points[:2] = (300, 150), (400, 250)
    path = frame(root, 0, 1, 1)
    picture = np.zeros((490, 640), np.uint8)
    picture[140:245, 295:405] = 200
    Image.fromarray(picture).save(path)
    write_landmarks(root, path, points)
    box = face_box(root / "Landmarks", path)
    assert box == pytest.approx((290, 133, 120, 120))  # a fifth larger, and a little up
    dataset = load_ckplus(side=24)
    first = dataset.images[0]  # S000/001, frame 1
    assert first[3:-3, 3:-3].min() > 190
    assert "frames without landmarks cut about the center: " in dataset.repairs[0]


@pytest.mark.parametrize("points", [np.ones((5, 2)), np.full((68, 2), np.nan), np.ones((68, 3))])
def test_damaged_landmarks(root, points):
    write_sequences(root, subjects=1)
    path = frame(root, 0, 1, 1)
    write_landmarks(root, path, points)
    assert face_box(root / "Landmarks", path) is None


def test_folders_of_classes(root):
    write_classes(root / "CK+48")
    dataset = load_ckplus()
    assert dataset.class_counts().tolist() == [SUBJECTS] * 6 + [0]
    assert (dataset.images[0] == 0).all()
    assert len(set(dataset.people)) == SUBJECTS
    assert dataset.repairs[0].startswith("12 images of contempt left out: ")
    assert load_ckplus(strict=True).source == "CK+, folders of classes"


def test_odd_files_in_folders_of_classes(root):
    write_classes(root)
    Image.new("L", (48, 48)).save(root / "fear" / "someone.png")
    (root / "bored").mkdir()
    Image.new("L", (48, 48)).save(root / "bored" / "S001_001_00000001.png")
    assert load_ckplus().repairs[:2] == (
        "1 folder that is no class left out: bored",
        "1 image without a person's name left out: someone.png",
    )


def test_empty_class(root):
    write_classes(root, NAMES[:-1])
    with pytest.raises(DataError, match="no image of surprise among 60"):
        load_ckplus()


def test_missing_says_what_to_put_where(root):
    with pytest.raises(DataError, match=r"no CK\+ in .*jeffcohn.*data/raw/ckplus.*Emotion"):
        load_ckplus()
    with pytest.raises(DataError, match=r"no CK\+ in"):
        load_ckplus(root / "nowhere")
