"""AffectNet: its layouts, the draw, and what is passed over."""

import numpy as np
import pytest
from PIL import Image

from fer_utils import paths
from fer_utils.datasets import load_dataset
from fer_utils.datasets.affectnet import load_affectnet
from fer_utils.datasets.affectnet_files import CODES, COLUMNS
from fer_utils.datasets.ferplus import EXPRESSIONS
from fer_utils.errors import DataError

#: The gray value of an image tells its label.
DRAW = (40, 16, 16)
FACES = 110  # ten of each label, 80 of an expression
HEADER = ",".join(COLUMNS)


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA_RAW", tmp_path / "raw")
    monkeypatch.setattr(paths, "DATA_CACHE", tmp_path / "cache")
    folder = tmp_path / "raw" / "affectnet"
    folder.mkdir(parents=True)
    return folder


def color(code):
    return (code * 20, 10, 250 - code * 20)


def face(path, code, size=12):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (size, size), color(code)).save(path)


def write_lists(root, *, header=HEADER):
    """Write the lists and whole pictures: the face lies in a black picture, at its box."""
    rows = []
    for i in range(FACES):
        code = i % 11
        name = f"{i % 7}/{i:03}.png"
        picture = Image.new("RGB", (40, 30))
        picture.paste(color(code), (20, 6, 36, 22))
        path = root / "Manually_Annotated_Images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)
        box = "NULL,NULL,NULL,NULL" if code == 10 else "20,6,16,16"
        rows.append(f"{name},{box},1.5;2.5;3.5,{code},-0.2,0.1")
    folder = root / "Manually_Annotated_file_lists"
    folder.mkdir(exist_ok=True)
    (folder / "training.csv").write_text("\n".join([header, *rows[:80]]) + "\n")
    (folder / "validation.csv").write_text("\n".join(rows[80:]) + "\n")  # came without a header


def write_classes(root, names):
    for i in range(FACES):
        part = "val_set" if i % 10 == 0 else "train_set"
        face(root / part / names[i % 11] / f"{i}.png", i % 11)


def write_annotated(root, kind=str):
    for i in range(FACES):
        part = root / ("val_set" if i % 10 == 0 else "train_set")
        face(part / "images" / f"{i}.png", i % 11)
        (part / "annotations").mkdir(exist_ok=True)
        np.save(part / "annotations" / f"{i}_exp.npy", np.array(kind(i % 11)))


LAYOUTS = {
    "lists": write_lists,
    "numbers": lambda root: write_classes(root, [str(code) for code in range(11)]),
    "names": lambda root: write_classes(root, [name.title() for name in CODES]),
    "annotated": write_annotated,
    "annotated, numbers": lambda root: write_annotated(root, int),
    "deeper": lambda root: write_annotated(root / "AffectNet"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout(root, layout):
    LAYOUTS[layout](root)
    dataset = load_affectnet(side=8, draw=DRAW, strict=True)
    assert dataset.images.shape == (72, 8, 8, 3)
    assert dataset.class_names == EXPRESSIONS
    assert np.bincount(dataset.split).tolist() == list(DRAW)
    for image, label in zip(dataset.images, dataset.labels, strict=True):
        code = CODES.index(EXPRESSIONS[label])
        assert np.abs(image[4, 4].astype(int) - color(code)).max() <= 2
        assert np.abs(image[0, 0].astype(int) - color(code)).max() <= 40  # cut at the face
    assert "have no expression and were left out (" in dataset.repairs[0]
    assert len(dataset.repairs) == 1


def test_the_draw_is_fixed_and_disjoint_and_the_seed_changes_it(root):
    write_lists(root)
    first = load_affectnet(side=8, draw=DRAW)
    assert load_affectnet(side=9, draw=DRAW).data_key == first.data_key
    assert load_affectnet(side=8, draw=DRAW, seed=1).data_key != first.data_key
    assert len(set(first.source_hash)) > 1
    assert "40/16/16 images drawn with seed 0" in first.source


def test_only_drawn_images_are_read(root, monkeypatch):
    from pathlib import Path

    write_annotated(root)
    read, plain = [], Path.read_bytes

    def reading(path):
        read.append(path)
        return plain(path)

    monkeypatch.setattr(Path, "read_bytes", reading)
    load_affectnet(side=8, draw=(30, 5, 5))
    assert len([path for path in read if path.parent.name == "images"]) == 40


def test_passed_over_images_are_counted(root):
    write_annotated(root)
    dataset = load_affectnet(side=8, draw=(48, 16, 16))  # all that there are: every image is seen
    passed = int(dataset.repairs[0].split()[0])
    numbers = [int(part.split()[0]) for part in dataset.repairs[0].split("(")[1].split(", ")]
    assert passed == sum(numbers)
    assert 20 < passed <= 30


def test_too_few_images(root):
    write_lists(root)
    with pytest.raises(DataError, match=r"81 images are to be drawn .* there are 80 of the eight"):
        load_affectnet(draw=(41, 20, 20))


@pytest.mark.parametrize("draw", [(1, 2), (0, 1, 1), (1, -1, 1)])
def test_bad_draw(root, draw):
    write_lists(root)
    with pytest.raises(DataError, match="expected how many images to draw"):
        load_affectnet(draw=draw)


def test_missing_and_unreadable_images(root):
    write_lists(root)
    images = root / "Manually_Annotated_Images"
    (images / "0" / "000.png").unlink()  # neutral
    (images / "1" / "001.png").write_bytes(b"no picture")
    draw = (47, 16, 16)  # all that are left
    dataset = load_affectnet(side=8, draw=draw)
    assert len(dataset) == 78
    assert dataset.repairs[0].startswith("1 image or label missing and not drawn: Manually_")
    assert dataset.repairs[1] == "1 unreadable image left out: 001.png"
    with pytest.raises(DataError, match=r"missing .*refused because of strict"):
        load_affectnet(side=8, draw=draw, strict=True)


def test_missing_label_is_passed_over(root):
    write_annotated(root)
    (root / "train_set" / "annotations" / "11_exp.npy").write_bytes(b"")
    (root / "train_set" / "annotations" / "12_exp.npy").unlink()
    np.save(root / "train_set" / "annotations" / "13_exp.npy", np.array(77))
    dataset = load_affectnet(side=8, draw=(45, 16, 16))
    assert dataset.repairs[0].startswith("3 images or labels missing and not drawn: ")


def test_unknown_class_folder(root):
    LAYOUTS["numbers"](root)
    face(root / "train_set" / "bored" / "x.png", 0)
    assert load_affectnet(side=8, draw=DRAW).repairs[0] == (
        "1 folder that is no class left out: train_set/bored"
    )


def test_empty_class(root):
    LAYOUTS["names"](root)
    for path in root.rglob("Contempt/*.png"):
        path.unlink()
    with pytest.raises(DataError, match="no image of contempt among 60"):
        load_affectnet(side=8, draw=(40, 10, 10))


def test_wrong_columns(root):
    write_lists(root, header="path,x,y,w,h,landmarks,label,valence,arousal")
    with pytest.raises(DataError, match=r"training\.csv, line 1: columns 'path,x,.*expected 'sub"):
        load_affectnet()


@pytest.mark.parametrize("code", ["11", "-1", "happy", ""])
def test_bad_expression(root, code):
    write_lists(root)
    path = root / "Manually_Annotated_file_lists" / "training.csv"
    lines = path.read_text().splitlines()
    lines[4] = lines[4].replace(",3,-0.2", f",{code},-0.2")
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"training\.csv, line 5: no path, or an expression"):
        load_affectnet()


def test_missing_says_what_to_put_where(root):
    message = r"no AffectNet in .*mohammadmahoor.*data/raw/affectnet.*training\.csv.*train_set"
    with pytest.raises(DataError, match=message):
        load_dataset("affectnet")
    with pytest.raises(DataError, match="no AffectNet in"):
        load_affectnet(root / "nowhere")
    (root / "Manually_Annotated_file_lists").mkdir()
    with pytest.raises(DataError, match="holds none of training"):
        load_affectnet()
    (root / "Manually_Annotated_file_lists" / "training.csv").write_text("")
    with pytest.raises(DataError, match="no Manually_Annotated_Images: put it beside"):
        load_affectnet()
