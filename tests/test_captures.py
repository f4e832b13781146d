"""Webcam captures: read with their people and bursts, split without tearing either apart."""

import shutil

import numpy as np
import pytest
from PIL import Image

from fer_utils.datasets import load_dataset
from fer_utils.datasets.captures import load_captures
from fer_utils.datasets.made_up_captures import write_captures
from fer_utils.errors import ConfigError, DataError, DataMissing
from fer_utils.labels import FER2013_CLASSES

PEOPLE, BURSTS, FRAMES = 6, 2, 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_captures(tmp_path_factory.mktemp("made") / "captures", PEOPLE, BURSTS, FRAMES)


def test_made_up_captures_are_what_the_page_would_give(folder):
    captures = load_captures(folder)
    assert captures.images.shape == (PEOPLE * 7 * BURSTS * FRAMES, 48, 48)
    assert captures.images.dtype == np.uint8
    assert np.bincount(captures.labels).tolist() == [PEOPLE * BURSTS * FRAMES] * 7
    assert np.bincount(captures.people).tolist() == [7 * BURSTS * FRAMES] * PEOPLE
    assert np.bincount(captures.bursts).tolist() == [FRAMES] * (PEOPLE * 7 * BURSTS)
    for burst in np.unique(captures.bursts):  # of one person and one class
        own = captures.bursts == burst
        assert len(set(captures.people[own])) == len(set(captures.labels[own])) == 1
    assert captures.repairs == ()


def test_they_are_drawn_alike_again_and_otherwise_with_another_seed(folder, tmp_path):
    again = load_captures(write_captures(tmp_path / "a", PEOPLE, BURSTS, FRAMES))
    other = load_captures(write_captures(tmp_path / "b", PEOPLE, BURSTS, FRAMES, seed=1))
    assert again.digest == load_captures(folder).digest != other.digest


def test_frames_of_a_burst_are_more_alike_than_bursts(folder):
    captures = load_captures(folder)
    images = captures.images.astype(float)
    distance = np.abs(images[1:] - images[:-1]).mean((1, 2))
    same = captures.bursts[1:] == captures.bursts[:-1]
    person = captures.people[1:] == captures.people[:-1]
    assert distance[same].mean() < distance[~same & person].mean()
    assert distance[same].min() > 0


@pytest.mark.parametrize("by", ["people", "bursts"])
def test_a_split_tears_no_group_apart(folder, by):
    captures = load_captures(folder)
    data = captures.as_dataset(by)
    train, test = data.indices("train"), data.indices("test")
    groups = captures.groups(by)
    assert not set(groups[train]) & set(groups[test])
    assert len(data.indices("valid")) == 0
    assert 0.7 < len(train) / len(data) < 0.9
    assert (data.class_counts("test") > 0).all()
    assert by in data.source


def test_a_split_by_frames_tears_bursts_apart(folder):
    captures = load_captures(folder)
    data = captures.as_dataset("frames")
    assert set(captures.bursts[data.indices("train")]) & set(captures.bursts[data.indices("test")])


def test_few_people_are_split_by_burst(folder):
    assert load_captures(folder).as_dataset().source.endswith("by people")
    one = load_captures(folder / "person_01")
    assert set(one.people) == {0}
    assert one.as_dataset().source.endswith("by bursts")
    with pytest.raises(ConfigError, match="way to split captures"):
        one.as_dataset("days")
    with pytest.raises(DataError, match="1 people can't be split"):
        one.as_dataset("people")


def test_what_is_odd_is_left_out_and_told(folder, tmp_path):
    copy = shutil.copytree(folder / "person_01", tmp_path / "person")
    whole = load_captures(copy)
    picture = next((copy / "happy").iterdir())
    (copy / "happy" / "broken.png").write_bytes(picture.read_bytes()[:60])
    shutil.copy(picture, copy / "happy" / "copy.png")
    (copy / "joyful").mkdir()
    shutil.copy(picture, copy / "joyful")
    found = load_captures(copy)
    assert found.digest == whole.digest
    assert len(found.repairs) == 3
    assert any("joyful: no class" in text for text in found.repairs)
    assert any("1 files are copies" in text for text in found.repairs)
    assert any("broken.png" in text for text in found.repairs)
    with pytest.raises(DataError, match="broken"):
        load_captures(copy, strict=True)
    (copy / "happy" / "broken.png").unlink()
    with pytest.raises(DataError, match="joyful"):
        load_captures(copy, strict=True)


def test_times_make_bursts_and_other_names_stand_alone(tmp_path):
    place = tmp_path / FER2013_CLASSES[0]
    place.mkdir()
    names = ["2026-01-01T00-00-00.000Z", "2026-01-01T00-00-01.500Z", "2026-01-01T00-00-03.000Z",
             "2026-01-01T00-01-00.000Z", "2026-13-41T00-00-00.000Z", "me"]  # fmt: skip
    for number, name in enumerate(names):
        Image.new("L", (60, 50), 40 * number).save(place / f"{name}.png")
    captures = load_captures(tmp_path)
    assert captures.images.shape == (6, 48, 48)
    assert len(np.unique(captures.bursts)) == 4
    assert captures.bursts[0] == captures.bursts[1] == captures.bursts[2] != captures.bursts[3]


def test_bursts_are_part_of_the_digest(tmp_path):
    for name, seconds in (("a", 1), ("b", 30)):
        place = tmp_path / name / FER2013_CLASSES[0]
        place.mkdir(parents=True)
        for number in range(2):
            picture = Image.new("L", (48, 48), 40 * number)
            picture.save(place / f"2026-01-01T00-00-{number * seconds:02d}.000Z.png")
    near, far = load_captures(tmp_path / "a"), load_captures(tmp_path / "b")
    assert (near.images == far.images).all()
    assert near.digest != far.digest


@pytest.mark.parametrize("by", ["people", "bursts", "frames"])
def test_the_data_set_names_people_only_where_it_is_split_by_them(folder, by):
    captures = load_captures(folder)
    people = captures.as_dataset(by).people
    assert people is None if by != "people" else (people == captures.people).all()


def test_no_folder_and_no_pictures_are_named(tmp_path, monkeypatch):
    with pytest.raises(DataMissing, match="make demo"):
        load_captures(tmp_path / "none")
    with pytest.raises(DataError, match="no picture in folders named angry"):
        load_captures(tmp_path)
    monkeypatch.setattr("fer_utils.paths.DATA_RAW", tmp_path)
    with pytest.raises(DataMissing, match="captures does not exist"):
        load_dataset("captures")
    (tmp_path / "captures" / "sad").mkdir(parents=True)
    (tmp_path / "captures" / "sad" / "x.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="none of 1 pictures can be read"):
        load_dataset("captures")
    shutil.rmtree(tmp_path / "captures")
    write_captures(tmp_path / "captures", 2, 1, 2)
    assert load_dataset("captures").name == "captures"
