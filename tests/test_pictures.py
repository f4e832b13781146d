"""Picture files: decoded upright, square and shrunk; bad ones told; cached; the key is content."""

import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fer_utils import paths
from fer_utils.datasets import picture_folders
from fer_utils.datasets.picture_folders import Listing, find_inside, load_listing
from fer_utils.datasets.pictures import decode, read_pictures, square
from fer_utils.errors import DataError

ORIENTATION = 0x112  # the EXIF tag


def save(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)
    return path


def noise(seed, height=20, width=20):
    return np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)


def read_one(path, side=8, **options):
    return read_pictures([path], side, **options).images[0]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA_CACHE", tmp_path / "cache")


@pytest.fixture
def files(tmp_path):
    return [save(tmp_path / "in" / f"{i}.png", noise(i, 20 + i, 24)) for i in range(12)]


def test_gray_and_color(tmp_path):
    red = np.zeros((30, 30, 3), np.uint8)
    red[..., 0] = 200
    path = save(tmp_path / "red.png", red)
    assert read_one(path, color=True).tolist() == np.full((8, 8, 3), (200, 0, 0)).tolist()
    assert (read_one(path) == 60).all()  # 0.299 * 200
    gray = save(tmp_path / "gray.png", np.full((9, 9), 77, np.uint8))
    assert (read_one(gray, color=True) == 77).all()


def test_the_middle_square_is_taken_without_stretching(tmp_path):
    wide = np.zeros((20, 60), np.uint8)
    wide[:, 20:40] = 255
    assert (read_one(save(tmp_path / "wide.png", wide), side=10) > 225).all()
    assert (read_one(save(tmp_path / "tall.png", wide.T.copy()), side=10) > 225).all()


def test_the_picture_is_turned_upright(tmp_path):
    picture = np.zeros((40, 40), np.uint8)
    picture[:20] = 255
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # the camera lay on its side: turn clockwise to view
    turned = read_one(save(tmp_path / "a.jpg", picture, exif=exif, quality=95), side=8)
    assert turned[:, 5:].min() > 240
    assert turned[:, :3].max() < 15


def test_shrinking_averages_and_does_not_alias(tmp_path):
    stripes = np.zeros((256, 256), np.uint8)
    stripes[:, ::2] = 255
    shrunk = read_one(save(tmp_path / "stripes.png", stripes), side=48).astype(int)
    assert np.abs(shrunk[:, 4:-4] - 127).max() < 12
    kept = noise(1, 8, 8)
    assert (read_one(save(tmp_path / "same.png", kept)) == kept).all()


def test_box_is_cut_out(tmp_path):
    picture = np.zeros((60, 80), np.uint8)
    picture[10:30, 50:70] = 255
    path = save(tmp_path / "box.png", picture)
    pictures = read_pictures([path, path], 10, boxes=np.array([[50, 10, 20, 20], [np.nan] * 4]))
    assert (pictures.images[0] > 225).all()  # the filter looks a little over the edge
    assert (pictures.images[1] == read_one(path, side=10)).all()


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (None, (10, 0, 70, 60)),
        ((10, 10, 20, 40), (0, 10, 40, 50)),  # squared about its center, moved inward
        ((70, 50, 20, 20), (60, 40, 80, 60)),
        ((-50, -50, 500, 500), (20, 0, 80, 60)),
    ],
)
def test_square(box, expected):
    assert square((80, 60), box) == expected


@pytest.mark.parametrize("box", [(0, 0, 0, 5), (80, 0, 5, 5), (0, 70, 5, 5), (-9, 0, 9, 9)])
def test_box_outside_is_refused(box):
    with pytest.raises(ValueError, match="80 x 60"):
        square((80, 60), box)


def test_unreadable_images_are_left_out_and_told(files):
    files[3].write_bytes(files[3].read_bytes()[:60])
    files[7].write_text("<html>")
    pictures = read_pictures(files, 8)
    assert pictures.kept.tolist() == [0, 1, 2, 4, 5, 6, 8, 9, 10, 11]
    assert pictures.images.shape == (10, 8, 8)
    assert len(pictures.hashes) == 10
    assert (pictures.images[-1] == read_one(files[11])).all()
    assert pictures.faults == ("2 unreadable images left out: 3.png, 7.png",)
    with pytest.raises(DataError, match=r"3\.png is no readable image .*strict"):
        read_pictures(files, 8, strict=True)


def test_long_lists_of_names_are_cut(files):
    for path in files[:5]:
        path.write_bytes(b"")
    faults = read_pictures(files, 8).faults
    assert faults == ("5 unreadable images left out: 0.png, 1.png, 2.png, ...",)


def test_more_than_8_bits_are_refused(tmp_path):
    Image.fromarray(np.full((9, 9), 40_000, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(ValueError, match="more than 8 bits"):
        decode((tmp_path / "deep.png").read_bytes(), 4)


# ---- from a listing to a data set


def listing(folder, files, **changes):
    count = len(files)
    parts = {
        "name": "toy",
        "source": "noise",
        "folder": folder,
        "files": tuple(path.relative_to(folder).as_posix() for path in files),
        "labels": np.arange(count) % 2,
        "class_names": ("one", "two"),
        "people": np.arange(count),
    }
    return Listing(**parts | changes)


def load(folder, files, side=8, strict=False, **changes):
    return load_listing(listing(folder, files, **changes), side, color=False, strict=strict)


def test_the_key_is_of_the_content_alone(tmp_path, files):
    here = load(tmp_path, files)
    assert here.data_key.startswith("toy-")
    assert here.source_hash.startswith(here.data_key[4:])
    assert load(tmp_path, files, side=16).data_key == here.data_key
    moved = [shutil.copy(path, save(tmp_path / "b" / path.name, noise(0))) for path in files]
    for path in moved:
        os.utime(path, (1, 1))
    assert load(tmp_path / "b", moved).data_key == here.data_key
    labels = np.arange(len(files)) % 2
    labels[:2] = 1, 0
    assert load(tmp_path, files, labels=labels).data_key != here.data_key
    boxes = np.tile([1.0, 1, 5, 5], (len(files), 1))
    assert load(tmp_path, files, boxes=boxes).data_key != here.data_key
    save(files[0], noise(99))
    assert load(tmp_path, files).data_key != here.data_key


def test_read_once_and_again_after_a_change(tmp_path, files, monkeypatch):
    reads = []

    def counting(*args, **options):
        reads.append(1)
        return read_pictures(*args, **options)

    monkeypatch.setattr(picture_folders, "read_pictures", counting)
    first = load(tmp_path, files)
    again = load(tmp_path, files)
    assert len(reads) == 1
    assert (again.images == first.images).all()
    assert again.repairs == first.repairs
    os.utime(files[0], (1, 1))
    load(tmp_path, files)
    assert len(reads) == 2
    load(tmp_path, files, side=9)
    load(tmp_path, files)
    assert len(reads) == 3  # each side has a cache of its own


def test_unreadable_files_shift_no_id_and_strict_refuses_the_cache_too(tmp_path, files):
    files[2].write_bytes(b"")
    dataset = load(tmp_path, files)
    assert 2 not in dataset.ids
    assert dataset.ids.tolist()[-1] == 11
    assert dataset.repairs == ("1 unreadable image left out: 2.png",)
    with pytest.raises(DataError, match=r"unreadable image left out: 2\.png; refused"):
        load(tmp_path, files, strict=True)


def test_rules_are_told_but_no_fault(tmp_path, files):
    rules = {"left_out": ("3 sequences of contempt left out",)}
    assert load(tmp_path, files, strict=True, **rules).repairs == rules["left_out"]
    with pytest.raises(DataError, match="4 odd; refused because of strict=True"):
        load(tmp_path, files, strict=True, faults=("4 odd",))


def test_equal_files_are_one_person(tmp_path, files):
    for path in files[1:5]:
        shutil.copy(files[0], path)
    dataset = load(tmp_path, files)
    assert len(set(dataset.people[:5])) == 1
    assert len(set(dataset.split[:5])) == 1
    assert len(set(dataset.people)) == 8


def test_given_splits_are_kept_and_one_person_in_two_is_refused(tmp_path, files):
    split = np.repeat(np.array([0, 1, 2], np.uint8), 4)
    dataset = load(tmp_path, files, people=None, split=split)
    assert dataset.split.tolist() == split.tolist()
    assert dataset.people is None
    with pytest.raises(DataError, match=r"1 people .* in more than one split"):
        replace(dataset, people=np.r_[np.arange(11), 0])


def test_empty_class_is_named(tmp_path, files):
    with pytest.raises(DataError, match="no image of three among 12"):
        load(tmp_path, files, class_names=("one", "two", "three"))
    classes = {"class_names": ("one", "two", "three"), "may_be_empty": ("three",)}
    assert load(tmp_path, files, **classes).class_counts().tolist() == [6, 6, 0]
    for path in files[1::2]:
        path.write_bytes(b"")
    with pytest.raises(DataError, match="no image of two among 6"):
        load(tmp_path, files)


def test_empty_split_is_named(tmp_path, files):
    with pytest.raises(DataError, match="no image for the split valid"):
        load(tmp_path, files, people=None, split=np.repeat(np.array([0, 2], np.uint8), 6))


def test_side_must_be_a_size(tmp_path, files):
    with pytest.raises(DataError, match="side 0"):
        load(tmp_path, files, side=0)


def test_find_inside(tmp_path):
    assert find_inside(tmp_path, ("x",)) is None
    (tmp_path / "a" / "b" / "x").mkdir(parents=True)
    assert find_inside(tmp_path, ("x",)) == tmp_path / "a" / "b"
    assert find_inside(tmp_path / "missing", ("x",)) is None
